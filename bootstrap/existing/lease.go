package existing

import (
	"context"
	"encoding/json"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// leases keeps the lease as a Lease of Kubernetes, in a namespace that every cluster has. resourceVersion is its version.
type leases struct{ client kubernetes.Interface }

const (
	leaseNamespace = "kube-system"
	leaseName      = "opsgen-bootstrap"
	// leaseAnnotation holds the lease as bootstrap knows it.
	leaseAnnotation = "opsgen.io/lease"
)

// Place implements engine.Placed.
func (leases) Place() string { return "Lease " + leaseNamespace + "/" + leaseName }

// Read implements engine.Leases.
func (l leases) Read(ctx context.Context) (engine.Lease, string, error) {
	var lease engine.Lease
	there, err := l.client.CoordinationV1().Leases(leaseNamespace).Get(ctx, leaseName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return lease, "", nil
	}
	if err != nil {
		return lease, "", err
	}
	if err := json.Unmarshal([]byte(there.Annotations[leaseAnnotation]), &lease); err != nil {
		return lease, "", fmt.Errorf("%w: %w", engine.ErrUnreadable, err)
	}
	return lease, there.ResourceVersion, nil
}

// Write implements engine.Leases.
func (l leases) Write(ctx context.Context, lease engine.Lease, version string) (string, error) {
	text, err := json.Marshal(lease)
	if err != nil {
		return "", err
	}
	renewed := metav1.NewMicroTime(lease.Renewed)
	wanted := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: leaseName, ResourceVersion: version, Annotations: map[string]string{leaseAnnotation: string(text)}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &lease.Holder, RenewTime: &renewed},
	}
	var written *coordinationv1.Lease
	if version == "" {
		written, err = l.client.CoordinationV1().Leases(leaseNamespace).Create(ctx, wanted, metav1.CreateOptions{})
	} else {
		written, err = l.client.CoordinationV1().Leases(leaseNamespace).Update(ctx, wanted, metav1.UpdateOptions{})
	}
	if err != nil {
		return "", lost(err)
	}
	return written.ResourceVersion, nil
}

// Remove implements engine.Leases.
func (l leases) Remove(ctx context.Context, version string) error {
	condition := metav1.Preconditions{ResourceVersion: &version}
	return lost(l.client.CoordinationV1().Leases(leaseNamespace).Delete(ctx, leaseName, metav1.DeleteOptions{Preconditions: &condition}))
}

func lost(err error) error {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) {
		return engine.ErrLost
	}
	return err
}
