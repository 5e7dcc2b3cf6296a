package aws

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// modules are where the SDK has the models of services, by the names that the fake has for them. That of EC2 lists no errors.
func modules() map[string]string {
	return map[string]string{
		"eks": "eks", "iam": "iam", "kms": "kms", "route53": "route53", "s3": "s3", "sts": "sts", "servicequotas": "servicequotas",
		"tagging": "resourcegroupstaggingapi", "logs": "cloudwatchlogs", "ssm": "ssm", "elasticloadbalancing": "elasticloadbalancing",
		"elasticloadbalancingv2": "elasticloadbalancingv2",
	}
}

// documented are codes that AWS documents for all calls of a service, and that its model does not list call by call.
func documented() map[string]string {
	return map[string]string{
		// AWS General Reference, "Common error types", and the same page of each service's API reference.
		"": `AccessDenied AccessDeniedException ExpiredToken ExpiredTokenException RequestExpired InternalError InternalFailure NotAuthorizedException
			ServiceUnavailable Throttling ThrottlingException UnrecognizedClientException InvalidClientTokenId SignatureDoesNotMatch
			InvalidIdentityToken`,
		// Amazon EC2 API Reference, "Error codes for the Amazon EC2 API"; codes that end in .NotFound besides.
		"ec2": `RequestLimitExceeded Unavailable UnauthorizedOperation AuthFailure DependencyViolation IncorrectState InvalidIPAddress.InUse
			NatGatewayNotFound Gateway.NotAttached Resource.AlreadyAssociated RouteAlreadyExists VolumeInUse InvalidParameterValue
			VpcLimitExceeded AddressLimitExceeded SubnetLimitExceeded InternetGatewayLimitExceeded NatGatewayLimitExceeded
			RouteTableLimitExceeded VpcEndpointLimitExceeded VcpuLimitExceeded BandwidthLimitExceeded RequestThrottled`,
		// Amazon S3 API Reference, "Error responses", and the pages of GetBucketTagging, GetBucketEncryption, and so on.
		"s3": `SlowDown OperationAborted BucketNotEmpty NoSuchBucket NoSuchKey NoSuchTagSet RequestTimeout InvalidAccessKeyId TooManyBuckets
			PreconditionFailed BucketAlreadyOwnedByYou BucketAlreadyExists NotFound Forbidden
			NoSuchPublicAccessBlockConfiguration ServerSideEncryptionConfigurationNotFoundError NoSuchLifecycleConfiguration`,
	}
}

// mistakes are codes that say that a call is wrong in itself. There is no advice but to mend the program, or what the message
// says; so they are refusals without a hint, unless their words say more.
const mistakes = `ClientException InvalidParameterException InvalidRequestException BadRequestException UnsupportedFeatureException
	InvalidInput InvalidInputException ValidationException MalformedPolicyDocument MalformedPolicyDocumentException UnmodifiableEntity
	PolicyNotAttachable PolicyEvaluation InvalidArnException InvalidAliasNameException InvalidMarkerException TagException
	UnsupportedOperationException CustomKeyStoreNotFoundException CustomKeyStoreInvalidStateException CloudHsmClusterInvalidConfigurationException
	XksKeyInvalidConfigurationException XksKeyAlreadyInUseException XksKeyNotFoundException DelegationSetNotAvailable
	DelegationSetNotReusable NoSuchDelegationSet InvalidVPCId ConflictingDomainExists InvalidDomainName NoSuchHealthCheck
	IllegalArgumentException InvalidPaginationTokenException PaginationTokenExpiredException InvalidKeyId ParameterNotFound
	ParameterVersionNotFound TrustStoreNotFound ConflictException InvalidConfigurationRequest InvalidObjectState EncryptionTypeMismatch
	InvalidWriteOffset TooManyParts InvalidRequest IdempotencyParameterMismatch`

// sdkErrors are the codes that the SDK's models list, by "<service>:<action>".
func sdkErrors(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	operation := regexp.MustCompile(`^func \w+_deserializeOpError(\w+)\(`)
	code := regexp.MustCompile(`EqualFold\("([^"]+)", errorCode\)`)
	ask := []string{"list", "-f", "{{.ImportPath}} {{.Dir}}"}
	for _, module := range modules() {
		ask = append(ask, "github.com/aws/aws-sdk-go-v2/service/"+module)
	}
	command := exec.CommandContext(t.Context(), "go", ask...) //nolint:gosec // the compiler's own tool
	list, err := command.Output()
	if err != nil {
		t.Fatalf("find the SDK: %v", err)
	}
	for service, module := range modules() {
		_, rest, found := strings.Cut(string(list), "/service/"+module+" ")
		folder, _, _ := strings.Cut(rest, "\n")
		if !found {
			t.Fatalf("the SDK has no module %s", module)
		}
		text, err := os.ReadFile(filepath.Join(folder, "deserializers.go"))
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		for line := range strings.Lines(string(text)) {
			switch {
			case strings.HasPrefix(line, "func "):
				name = ""
				if found := operation.FindStringSubmatch(line); found != nil {
					name = service + ":" + found[1]
					all[name] = []string{}
				}
			case name != "" && strings.Contains(line, "EqualFold"):
				if found := code.FindStringSubmatch(line); found != nil {
					all[name] = append(all[name], found[1])
				}
			}
		}
	}
	return all
}

// TestErrorsAreThoseOfTheirCalls compares errors with the SDK's models, call by call.
func TestErrorsAreThoseOfTheirCalls(t *testing.T) {
	credentials(t)
	known := sdkErrors(t)
	t.Run("told apart", func(t *testing.T) { toldApart(t, known) })
	t.Run("by the fake", func(t *testing.T) { fakeFails(t, known) })
}

// toldApart fails for what a model lists for a call that is made, and that nobody has put into a class; and for what is in one,
// and neither listed for such a call, nor documented for its service.
func toldApart(t *testing.T, known map[string][]string) {
	listed := map[string]bool{}
	for _, codes := range documented() {
		for code := range strings.FieldsSeq(codes) {
			listed[code] = true
		}
	}
	for call := range awsfake.New(0, 0).Knows() {
		codes, there := known[call]
		if !there && !strings.HasPrefix(call, "ec2:") {
			t.Errorf("the SDK has no errors of %s", call)
		}
		for _, code := range codes {
			listed[code] = true
			if _, classified := classes()[code]; !classified && hints()[code] == "" && !slices.Contains(strings.Fields(mistakes+" ResourceInUseException"), code) {
				t.Errorf("%s may fail with %s, and nobody has thought of that", call, code)
			}
		}
	}
	for code := range classes() {
		if !listed[code] {
			t.Errorf("no call that is made fails with %s", code)
		}
	}
	for code := range hints() {
		if !listed[code] {
			t.Errorf("there is advice for %s, and no call that is made fails with it", code)
		}
	}
}

// fakeFails runs everything, and compares what calls failed with meanwhile with the models. It fails, too, when bootstrap makes
// a call that the comparisons leave out.
func fakeFails(t *testing.T, known map[string][]string) {
	var calls, failures []string
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		cloud.Quotas["ec2/L-1216C47A"] = 512
		line := killtest.Direct(cloud)
		if err := upAt("1.34")(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		if found := problems(t, line, "1.35"); found != "" {
			t.Errorf("preflight: %s", found)
		}
		if err := errors.Join(up(t.Context(), line), upWith(singleNAT)(t.Context(), line)); err != nil {
			t.Fatal(err)
		}
		cloud.Change("balancer", "k8s-proxy", "protected", "yes")
		if err := down(true)(t.Context(), line); err == nil {
			t.Error("a protected load balancer was deleted")
		}
		cloud.Change("balancer", "k8s-proxy", "protected", "")
		if err := down(true)(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		w, err := open(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Leftovers(t.Context()); err != nil {
			t.Error(err)
		}
		calls, failures = cloud.Calls(), cloud.Errors()
	})
	all := awsfake.New(0, 0).Knows()
	for _, call := range calls {
		if _, compared := all[call]; !compared {
			t.Errorf("%s is not among what the fake knows", call)
		}
	}
	if len(failures) < 10 {
		t.Errorf("only these calls failed: %v", failures)
	}
	for _, failure := range failures {
		call, code, _ := strings.Cut(failure, " ")
		service, _, _ := strings.Cut(call, ":")
		common := strings.Fields(documented()[""] + " " + documented()[service])
		if !slices.Contains(known[call], code) && !slices.Contains(common, code) && !(service == "ec2" && strings.HasSuffix(code, notFound)) {
			t.Errorf("%s does not fail with %s", call, code)
		}
	}
}
