package aws

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// classes are the errors that AWS documents for the calls that are made here, by their codes.
func classes() map[string]engine.Class {
	m := map[string]engine.Class{}
	for class, codes := range map[engine.Class]string{
		engine.Throttled: `RequestLimitExceeded Throttling ThrottlingException ThrottledException SlowDown TooManyRequestsException
			RequestThrottled BandwidthLimitExceeded PriorRequestNotComplete DependencyThrottle`,
		engine.Uncertain: `InternalError InternalFailure InternalServerError ServerException ServiceException ServiceFailure
			InternalServiceException
			ServiceUnavailable ServiceUnavailableException Unavailable KMSInternalException DependencyTimeoutException RequestTimeout`,
		engine.Blocked: `DependencyViolation DeleteConflict ResourceInUse ConcurrentModification
			InvalidChangeBatch BucketNotEmpty OperationAborted HostedZoneNotEmpty InvalidIPAddress.InUse
			IncorrectState KMSInvalidStateException InvalidStateException VolumeInUse OperationAbortedException`,
		engine.Exists: `BucketAlreadyOwnedByYou EntityAlreadyExists AlreadyExistsException
			RouteAlreadyExists Resource.AlreadyAssociated HostedZoneAlreadyExists ResourceAlreadyExistsException`,
		engine.Gone: `NoSuchBucket NoSuchEntity NotFound NotFoundException NoSuchHostedZone NoSuchTagSet NoSuchKey
			NatGatewayNotFound NoSuchResourceException Gateway.NotAttached ResourceNotFoundException LoadBalancerNotFound TargetGroupNotFound
			ListenerNotFound RuleNotFound`,
	} {
		for code := range strings.FieldsSeq(codes) {
			m[code] = class
		}
	}
	return m
}

// hints say what to do about refusals.
func hints() map[string]string {
	expired := "The credentials have expired or are wrong: renew them (`aws sso login`, a new AWS_SESSION_TOKEN), and run the same command again."
	denied := "Ask for the right, or use credentials that have it; an organization's policy may deny it to everybody. Then run the same command again."
	quota := "Ask for a higher quota (Service Quotas in the console), or remove what is not needed. Then run the same command again."
	m := map[string]string{"BucketAlreadyExists": "Names of buckets are shared by all of AWS: choose another one in cluster.yaml (provider.storage)."}
	for hint, codes := range map[string]string{
		expired: "ExpiredToken ExpiredTokenException RequestExpired InvalidClientTokenId UnrecognizedClientException AuthFailure InvalidAccessKeyId " +
			"SignatureDoesNotMatch InvalidIdentityToken",
		denied: "AccessDenied AccessDeniedException UnauthorizedOperation Forbidden NotAuthorizedException",
		quota: `VpcLimitExceeded AddressLimitExceeded SubnetLimitExceeded InternetGatewayLimitExceeded NatGatewayLimitExceeded
			RouteTableLimitExceeded VpcEndpointLimitExceeded LimitExceeded LimitExceededException ResourceLimitExceededException
			TooManyBuckets TooManyHostedZones VcpuLimitExceeded`,
		"It is protected from deletion: switch that off in the console (EC2, Load Balancers, Attributes), and run the same command again.": "OperationNotPermitted",
		"A zone has no room for a control plane: choose other zones in cluster.yaml (provider.zones).":                                     "UnsupportedAvailabilityZoneException",
	} {
		for code := range strings.FieldsSeq(codes) {
			m[code] = hint
		}
	}
	return m
}

// hintOf says what to do about a refusal; empty for one that is not known.
func hintOf(code, text string) string {
	if strings.Contains(text, "service control policy") {
		return "A policy of your organization denies this to everybody in the account: its administrators must allow it. Then run the same command again."
	}
	return hints()[code]
}

// notFound is how EC2 says that something is not there, as in InvalidVpcID.NotFound.
const notFound = ".NotFound"

// Classify implements provider.Provider. Errors without a code are told apart by their HTTP status.
func (a *amazon) Classify(err error) engine.Verdict {
	var named smithy.APIError
	var answer *smithyhttp.ResponseError
	var missing *aws.MissingRegionError
	var early *earlyError
	if errors.As(err, &early) {
		return engine.Verdict{Class: engine.NotYet}
	}
	if hint := ownHint(err); hint != "" {
		return engine.Verdict{Hint: hint}
	}
	status, code, text := 0, "", ""
	if errors.As(err, &answer) {
		status = answer.HTTPStatusCode()
	}
	if errors.As(err, &named) {
		code, text = named.ErrorCode(), named.ErrorMessage()
	}
	if class, known := passing(code, text); known {
		return engine.Verdict{Class: class}
	}
	if class, known := classes()[code]; known {
		return engine.Verdict{Class: class}
	}
	if hint := hintOf(code, text); hint != "" {
		return engine.Verdict{Hint: hint}
	}
	switch {
	case errors.As(err, &missing), strings.Contains(text+errorText(err), noCredentials):
		// Before the statuses: a machine without a role answers 404, and some networks 403.
		return engine.Verdict{Hint: "Give AWS credentials: AWS_PROFILE (after `aws sso login`), AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role of the machine."}
	case strings.HasSuffix(code, notFound), status == http.StatusNotFound:
		return engine.Verdict{Class: engine.Gone}
	case status == http.StatusTooManyRequests:
		return engine.Verdict{Class: engine.Throttled}
	case status == http.StatusMovedPermanently:
		return engine.Verdict{Hint: "The bucket is in another region: choose another name in cluster.yaml (provider.storage)."}
	case status == http.StatusForbidden:
		return engine.Verdict{Hint: hints()["AccessDenied"]}
	case status >= http.StatusInternalServerError, status == 0:
		return engine.Verdict{Class: engine.Uncertain}
	}
	return engine.Verdict{}
}

// ownHint is advice about refusals that are bootstrap's own; empty for those of AWS.
func ownHint(err error) string {
	r := refused(err)
	switch {
	case r != nil:
		return r.hint
	case errors.Is(err, errNoBucket):
		return "Make it, or remove provider.storage.given from cluster.yaml, and up makes it."
	case errors.Is(err, engine.ErrForeign):
		return "Choose another name in cluster.yaml."
	}
	return ""
}

// noCredentials is what the SDK says when nothing gave it any; it has no type of its own for that.
const noCredentials = "failed to refresh cached credentials"

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// notKnownYet is how EKS, IAM and KMS refuse a role, its trust or its policies, or a key, as long as they are not known everywhere.
// A role that nobody will ever be able to assume is refused in the same words, which is why the engine waits for minutes, and
// not for ever (terraform-provider-aws 5, internal/service/eks: cluster.go, node_group.go, pod_identity_association.go, and
// its issues 34711 and 41483).
var notKnownYet = regexp.MustCompile(`role.*(not exist|not be found|not found|assum|trust)|trust policy|invalid principal|` +
	`doesn't have the amazon eks managed policies|key.*(not exist|not be found|not found)`)

// passing are refusals whose code is used for others too, so that the words decide: a role that was just made and is not
// known everywhere yet, and a cluster that is busy.
func passing(code, text string) (engine.Class, bool) {
	text = strings.ToLower(text)
	switch code {
	case "InvalidParameterException", "InvalidRequestException", "MalformedPolicyDocument", "MalformedPolicyDocumentException":
		if notKnownYet.MatchString(text) {
			return engine.NotYet, true
		}
	case "ResourceInUseException", "ResourceConflict", "ResourceConflictException":
		if strings.Contains(text, "already exists") {
			return engine.Exists, true
		}
		return engine.Blocked, true
	case "AuthFailure":
		// EC2 says so of an address that is still on an interface of AWS' own.
		if strings.Contains(text, "permission to access") && strings.Contains(text, "address") {
			return engine.Blocked, true
		}
	}
	return 0, false
}

// earlyError is a create that was refused since something it refers to is not known everywhere yet.
type earlyError struct{ err error }

// Error is the cause's.
func (e *earlyError) Error() string { return e.err.Error() }

// Unwrap is the cause.
func (e *earlyError) Unwrap() error { return e.err }

// early is a refusal of a write. What the write refers to was seen before, so that "not found" means there: not yet.
func (a *amazon) early(err error) error {
	if a.gone(err) {
		return &earlyError{err}
	}
	return err
}

// add adds a resource.
func add[T any](a *amazon, g *engine.Graph, r engine.Resource[T], after ...engine.Dependency) engine.Output[T] {
	if create := r.Create; create != nil {
		r.Create = func(ctx context.Context) error {
			return a.early(create(ctx))
		}
	}
	if mend := r.Reconcile; mend != nil {
		r.Reconcile = func(ctx context.Context, have engine.State[T]) error { return a.early(mend(ctx, have)) }
	}
	return engine.Add(g, r, after...)
}
