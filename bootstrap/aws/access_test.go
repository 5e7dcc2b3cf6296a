package aws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/identity"
)

// TestTokenIsWhatEKSAccepts: a signed URL of STS with the cluster's name among the signed headers.
func TestTokenIsWhatEKSAccepts(t *testing.T) {
	credentials(t)
	w, err := open(t.Context(), killtest.Direct(awsfake.New(time.Second, time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.bearer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "k8s-aws-v1."))
	if err != nil || !strings.HasPrefix(token, "k8s-aws-v1.") {
		t.Fatalf("%s: %v", token, err)
	}
	signed, err := url.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	q := signed.Query()
	if signed.Host != "sts.eu-central-1.amazonaws.com" || q.Get("Action") != "GetCallerIdentity" || q.Get("X-Amz-Expires") != "60" ||
		!strings.Contains(q.Get("X-Amz-SignedHeaders"), "x-k8s-aws-id") || q.Get("X-Amz-Signature") == "" {
		t.Errorf("the token is %s", signed)
	}
}

func TestKubeconfigNeedsNoTools(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		w, err := open(t.Context(), killtest.Direct(awsfake.New(time.Second, time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.kubeconfig(t.Context()); !errors.Is(err, engine.ErrMissing) {
			t.Errorf("without a cluster: %v", err)
		}
		if _, err := w.graph.Up(t.Context(), w.options()); err != nil {
			t.Fatal(err)
		}
		config, err := w.kubeconfig(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if config.Clusters["prod"].Server != "https://cluster.example.com" || string(config.Clusters["prod"].CertificateAuthorityData) != "authority" ||
			!strings.HasPrefix(config.AuthInfos["prod"].Token, "k8s-aws-v1.") || config.AuthInfos["prod"].Exec != nil {
			t.Errorf("%+v", config)
		}
		clients, err := w.restConfig(t.Context())
		if err != nil || clients.Host != "https://cluster.example.com" {
			t.Errorf("%+v, %v", clients, err)
		}
	})
}

// TestRightsAreNoMoreThanNeeded lists what each component may do, and where.
func TestRightsAreNoMoreThanNeeded(t *testing.T) {
	credentials(t)
	w, err := open(t.Context(), killtest.Direct(awsfake.New(time.Second, time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range identity.Accounts(cluster.AWS) {
		var rights document
		if err := json.Unmarshal([]byte(w.rights(account, "Z1")), &rights); err != nil {
			t.Fatal(err)
		}
		for _, s := range rights.Statement {
			for _, action := range s.Action {
				if strings.Contains(action, "*") {
					t.Errorf("%s may do %s", account.Component, action)
				}
			}
			for _, where := range s.Resource {
				looking := strings.Contains(strings.Join(s.Action, " "), "route53:List") ||
					slices.Equal(s.Action, []string{"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"})
				if where == "*" && !looking {
					t.Errorf("%s may do %v everywhere", account.Component, s.Action)
				}
				if strings.Contains(where, ":s3:::acme-rules/") && where == "arn:aws:s3:::acme-rules/*" {
					t.Errorf("%s may use others' rules", account.Component)
				}
			}
		}
	}
}

func TestSamePolicy(t *testing.T) {
	want := policy(statement{Action: []string{"s3:GetObject"}, Resource: []string{"a", "b"}})
	for have, same := range map[string]bool{
		want:                  true,
		url.QueryEscape(want): true,
		`{"Statement": {"Resource": ["a", "b"], "Action": "s3:GetObject", "Effect": "Allow"}, "Version": "2012-10-17"}`: true,
		`{"Statement": {"Resource": "*", "Action": "s3:GetObject", "Effect": "Allow"}, "Version": "2012-10-17"}`:        false,
		``: false,
	} {
		if samePolicy(have, want) != same {
			t.Errorf("%s: same is %t", have, !same)
		}
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	a := &amazon{}
	for _, test := range []struct {
		code, text string
		status     int
		class      engine.Class
	}{
		{"RequestLimitExceeded", "", 503, engine.Throttled},
		{"InternalError", "", 500, engine.Uncertain},
		{"", "", 502, engine.Uncertain},
		{"", "", 429, engine.Throttled},
		{"DependencyViolation", "", 400, engine.Blocked},
		{"InvalidVpcID.NotFound", "", 400, engine.Gone},
		{"NoSuchEntity", "", 404, engine.Gone},
		{"BucketAlreadyOwnedByYou", "", 409, engine.Exists},
		{"BucketAlreadyExists", "", 409, engine.Refused},
		{"UnauthorizedOperation", "", 403, engine.Refused},
		{"ResourceInUseException", "Cluster already exists with name: prod", 409, engine.Exists},
		{"ResourceInUseException", "Cluster has nodegroups attached", 409, engine.Blocked},
		{"InvalidParameterException", "Role could not be assumed", 400, engine.NotYet},
		{"InvalidParameterException", "Role provided in the request does not exist.", 400, engine.NotYet},
		{"InvalidParameterException", "Trust policy of the role provided is invalid.", 400, engine.NotYet},
		{"InvalidParameterException", "The role with name opsgen-prod-nodes cannot be found.", 400, engine.NotYet},
		{"InvalidRequestException", "The KMS key arn:aws:kms:eu-central-1:123456789012:key/1 does not exist.", 400, engine.NotYet},
		{"InvalidParameterException", "unsupported version", 400, engine.Refused},
		{"InvalidParameterException", "The subnet ID 'subnet-1' does not exist", 400, engine.Refused},
		{"AccessDeniedException", "User is not authorized to perform: iam:PassRole on resource: role opsgen-prod-nodes", 403, engine.Refused},
	} {
		err := error(&smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: test.status}}, Err: &smithy.GenericAPIError{Code: test.code, Message: test.text},
		})
		if have := a.Classify(fmt.Errorf("call: %w", err)).Class; have != test.class {
			t.Errorf("%s %d %q is class %d, want %d", test.code, test.status, test.text, have, test.class)
		}
	}
}

// TestAMachineWithoutARole: its metadata service answers as if something were not there, or were denied.
func TestAMachineWithoutARole(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
		err := fmt.Errorf("get credentials: failed to refresh cached credentials, no EC2 IMDS role found, %w", &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: errors.New("request to EC2 IMDS failed"),
		})
		if v := (&amazon{}).Classify(err); v.Class != engine.Refused || !strings.Contains(v.Hint, "AWS_PROFILE") {
			t.Errorf("%d: class %d, %q", status, v.Class, v.Hint)
		}
	}
}

// TestDelegationIsLookedAt: what the DNS says of the zone is compared with what serves it.
func TestDelegationIsLookedAt(t *testing.T) {
	credentials(t)
	for name, test := range map[string]struct {
		answer []*net.NS
		err    error
		zoneID string
		says   string
	}{
		"as it should be":   {answer: []*net.NS{{Host: "NS-1.example.com."}}},
		"not delegated":     {err: &net.DNSError{IsNotFound: true}, says: "Enter NS records for obs.example.com in the zone above it: ns-1.example.com."},
		"delegated to else": {answer: []*net.NS{{Host: "ns.elsewhere.com."}}, says: "is served by ns.elsewhere.com"},
		"no such zone":      {zoneID: "Z404", says: "there is no zone Z404"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := awsfake.New(time.Second, time.Second)
			cloud.Put(awsfake.Item{Kind: "zone", ID: "Z1", Props: map[string]string{"Name": "obs.example.com.", "CallerReference": "opsgen.io/prod/1"}})
			w, err := open(t.Context(), killtest.Direct(cloud))
			if err != nil {
				t.Fatal(err)
			}
			w.LookupNS = func(ctx context.Context, _ string) ([]*net.NS, error) {
				if _, bounded := ctx.Deadline(); !bounded {
					t.Error("the question may take for ever")
				}
				return test.answer, test.err
			}
			w.Cluster.DNS.ZoneID = test.zoneID
			check := w.checkDelegation(t.Context())
			if (check.Problem != "") != (test.says != "") || !strings.Contains(check.Problem+" "+check.Hint, test.says) {
				t.Errorf("it says %+v, want %q", check, test.says)
			}
			if check.Warning == (test.zoneID != "") && check.Problem != "" {
				t.Error("only a zone that is not there keeps up from beginning")
			}
		})
	}
}

func TestVersionsOutOfSupport(t *testing.T) {
	credentials(t)
	w, err := open(t.Context(), killtest.Direct(awsfake.New(time.Second, time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	for version, says := range map[string]string{"1.32": "does not offer", "1.33": "out of EKS' standard support", "1.34": ""} {
		w.Cluster.Kubernetes = version
		if check := w.checkVersion(t.Context()); (check.Problem == "") != (says == "") || !strings.Contains(check.Problem, says) || check.Warning != (version == "1.33") {
			t.Errorf("%s: %+v", version, check)
		}
	}
}

// TestPreflight shows what is in the way before the first write, and writes nothing.
func TestPreflight(t *testing.T) {
	credentials(t)
	for name, test := range map[string]struct {
		spoil func(*awsfake.Cloud, *world)
		check string
		says  string
	}{
		"all is well":         {func(*awsfake.Cloud, *world) {}, "", ""},
		"another account":     {func(_ *awsfake.Cloud, w *world) { w.Cluster.Provider.Account = "999999999999" }, "credentials", "are of account 123456789012"},
		"expired credentials": {func(c *awsfake.Cloud, _ *world) { c.Refuse["sts:GetCallerIdentity"] = "ExpiredToken" }, "credentials", "ExpiredToken"},
		"a right is missing":  {func(c *awsfake.Cloud, _ *world) { c.Refuse["eks:CreateCluster"] = "AccessDenied" }, "permissions", "eks:CreateCluster"},
		"no such zone":        {func(_ *awsfake.Cloud, w *world) { w.Cluster.Provider.Zones[2] = "eu-central-1z" }, "zones", "eu-central-1z"},
		"an old version":      {func(_ *awsfake.Cloud, w *world) { w.Cluster.Kubernetes = "1.20" }, "Kubernetes", "does not offer"},
		"a bucket's name": {func(c *awsfake.Cloud, _ *world) {
			c.Put(awsfake.Item{Kind: "bucket", ID: "acme-logs", Props: map[string]string{"foreign": "yes"}})
		}, "bucket names", "acme-logs"},
		"a cluster's name": {func(c *awsfake.Cloud, _ *world) {
			c.Put(awsfake.Item{Kind: "cluster", ID: "prod", Props: map[string]string{"version": "1.35"}})
		}, "cluster name", "is not ours"},
		"too few VPCs": {func(c *awsfake.Cloud, _ *world) { c.Quotas["vpc/L-F678F1CE"] = 0 }, "quotas", "0 of 0 VPCs are in use, and 1 more are needed"},
		"too few vCPUs": {func(c *awsfake.Cloud, _ *world) {
			c.Put(awsfake.Item{Kind: "instance", Props: map[string]string{"type": "c5.4xlarge", "cpu": "16"}})
		}, "quotas", "16 of 64 vCPUs"},
		"addresses of others": {func(c *awsfake.Cloud, _ *world) {
			for range 3 {
				c.Put(awsfake.Item{Kind: "address"})
			}
		}, "quotas", "3 of 5 Elastic IP addresses are in use, and 3 more are needed"},
		"a zone of another": {func(c *awsfake.Cloud, _ *world) {
			c.Put(awsfake.Item{Kind: "zone", ID: "Z1", Props: map[string]string{"Name": "obs.example.com.", "CallerReference": "x"}})
		}, "DNS", "exists"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := awsfake.New(time.Second, time.Second)
			w, err := open(t.Context(), killtest.Direct(cloud))
			if err != nil {
				t.Fatal(err)
			}
			test.spoil(cloud, w)
			before := cloud.Snapshot()
			found := ""
			for _, check := range w.Preflight(t.Context()) {
				if check.Problem != "" && !check.Warning {
					found += check.Name + ": " + check.Problem + "\n"
				}
			}
			if (found != "") != (test.check != "") || !strings.HasPrefix(found, test.check) || !strings.Contains(found, test.says) {
				t.Errorf("found %q, want %s: %s", found, test.check, test.says)
			}
			if cloud.Snapshot() != before {
				t.Error("preflight changed something")
			}
		})
	}
}
