package aws

import (
	"testing"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	zonetypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	quotatypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/price"
)

// TestDocumentedErrors takes the errors from the SDK's own models: a code that AWS calls otherwise does not compile here, or
// falls into another class.
func TestDocumentedErrors(t *testing.T) {
	a := &amazon{}
	for class, list := range map[engine.Class][]smithy.APIError{
		engine.Throttled: {&quotatypes.TooManyRequestsException{}, &ekstypes.ThrottlingException{}, &zonetypes.ThrottlingException{}, &zonetypes.PriorRequestNotComplete{}},
		engine.Uncertain: {&ekstypes.ServerException{}, &ekstypes.ServiceUnavailableException{}, &kmstypes.KMSInternalException{}, &kmstypes.DependencyTimeoutException{}, &iamtypes.ServiceFailureException{}},
		engine.Blocked: {
			&ekstypes.ResourceInUseException{}, &ekstypes.InvalidStateException{}, &iamtypes.DeleteConflictException{}, &iamtypes.ConcurrentModificationException{},
			&kmstypes.KMSInvalidStateException{}, &zonetypes.HostedZoneNotEmpty{}, &zonetypes.InvalidChangeBatch{}, &zonetypes.ConcurrentModification{},
		},
		engine.Exists: {&iamtypes.EntityAlreadyExistsException{}, &kmstypes.AlreadyExistsException{}, &zonetypes.HostedZoneAlreadyExists{}, &s3types.BucketAlreadyOwnedByYou{}},
		engine.Gone: {
			&ekstypes.ResourceNotFoundException{}, &ekstypes.NotFoundException{}, &iamtypes.NoSuchEntityException{}, &kmstypes.NotFoundException{},
			&zonetypes.NoSuchHostedZone{}, &quotatypes.NoSuchResourceException{}, &s3types.NoSuchBucket{}, &s3types.NoSuchKey{}, &s3types.NotFound{},
		},
		engine.Refused: {
			&quotatypes.AccessDeniedException{}, &ekstypes.AccessDeniedException{}, &ekstypes.ResourceLimitExceededException{}, &ekstypes.UnsupportedAvailabilityZoneException{},
			&iamtypes.LimitExceededException{}, &kmstypes.LimitExceededException{}, &zonetypes.NotAuthorizedException{},
			&zonetypes.TooManyHostedZones{}, &s3types.BucketAlreadyExists{}, &s3types.AccessDenied{},
		},
	} {
		for _, err := range list {
			verdict := a.Classify(err)
			if verdict.Class != class {
				t.Errorf("%s is class %d, want %d", err.ErrorCode(), verdict.Class, class)
			}
			if class == engine.Refused && verdict.Hint == "" {
				t.Errorf("%s says nothing about what to do", err.ErrorCode())
			}
		}
	}
}

// TestEverythingThatCostsHasAPrice fails when a plan would leave something out of its sum.
func TestEverythingThatCostsHasAPrice(t *testing.T) {
	credentials(t)
	w, err := open(t.Context(), killtest.Direct(awsfake.New(controlPlaneTime, nodesTime)))
	if err != nil {
		t.Fatal(err)
	}
	prices, err := price.Standard()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := w.graph.Plan(t.Context(), w.options())
	if err != nil {
		t.Fatal(err)
	}
	var month float64
	for _, step := range plan {
		cost, unknown := prices.Sum(step.Uses, "eu-central-1")
		if len(unknown) > 0 {
			t.Errorf("%s uses what has no price: %v", step.Resource, unknown)
		}
		month += cost
	}
	// Six machines are most of it.
	if nodes := 6 * price.HoursPerMonth * prices.Items["aws/"+nodeType].Regions["eu-central-1"]; month < nodes || month > 1.4*nodes {
		t.Errorf("a month costs %.0f, of which nodes are %.0f", month, nodes)
	}
}
