package install

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// ForeignError is for an object that is in the cluster and not of this bundle.
type ForeignError struct {
	// Object is "Kind name".
	Object string
}

// Error names the object.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is there already, and not of this bundle (it has no label %s: %s)", e.Object, labelPartOf, partOf)
}

// Classify tells Kubernetes' errors apart; it is false for those of others.
func Classify(err error) (engine.Verdict, bool) {
	var foreign *ForeignError
	if errors.As(err, &foreign) {
		return engine.Verdict{Hint: "Nothing was changed. Remove it yourself if nobody needs it, or use a cluster without it."}, true
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return engine.Verdict{}, false
	}
	switch {
	case apierrors.IsTooManyRequests(err):
		return engine.Verdict{Class: engine.Throttled}, true
	case apierrors.IsAlreadyExists(err):
		return engine.Verdict{Class: engine.Exists}, true
	case apierrors.IsConflict(err):
		return engine.Verdict{Class: engine.Blocked}, true
	case apierrors.IsNotFound(err):
		return engine.Verdict{Class: engine.NotYet}, true // a namespace or a kind that was made a moment ago
	case apierrors.IsForbidden(err) && apierrors.HasStatusCause(err, "NamespaceTerminating"):
		return engine.Verdict{Class: engine.Blocked}, true
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return engine.Verdict{Hint: "Use a kubeconfig of a cluster administrator: Flux is given rights that only such a one can give."}, true
	case apierrors.IsInternalError(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsServiceUnavailable(err):
		return engine.Verdict{Class: engine.Uncertain}, true
	}
	return engine.Verdict{}, true
}
