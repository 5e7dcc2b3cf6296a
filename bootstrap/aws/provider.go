package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

// amazon is one cluster's place in one account and region.
type amazon struct {
	provider.Target
	ec2     *ec2.Client
	eks     *eks.Client
	iam     *iam.Client
	kms     *kms.Client
	route53 *route53.Client
	s3      *s3.Client
	sts     *sts.Client
	limits  *servicequotas.Client
	tags    *tagging.Client
	logs    *cloudwatchlogs.Client
	ssm     *ssm.Client
	// classic are load balancers of the older kind, balancers all others.
	classic   *elasticloadbalancing.Client
	balancers *elasticloadbalancingv2.Client
	// run is different for each run: Route 53 takes a caller reference only once.
	run string
	// broken are the IDs of resources that failed, by name: what replaces one must not be created with its token.
	broken sync.Map
	// addons are the versions of add-ons by name, updates the IDs of this run's updates of nodes by zone.
	addons, updates sync.Map
	// leaseGoes says that this run removes the lease's bucket, which is the last that it does.
	leaseGoes atomic.Bool
	// cluster is known after Resources.
	cluster engine.Output[controlPlane]
}

// New takes credentials as AWS' own tools do: from the environment, the profile, or the machine's role. Nothing is called
// yet.
func New(ctx context.Context, t provider.Target) (provider.Provider, error) {
	settings, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(t.Cluster.Provider.Region),
		// The engine retries: it knows whether a write may be repeated.
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		config.WithLogger(logging.Nop{}), // its lines would break the live view; what fails is told by errors
	)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w; check AWS_PROFILE and the files in ~/.aws", err)
	}
	if t.Transport != nil {
		settings.HTTPClient = &http.Client{Transport: t.Transport}
	}
	return &amazon{
		Target: t, run: fmt.Sprintf("%d", time.Now().UnixNano()),
		ec2: ec2.NewFromConfig(settings), eks: eks.NewFromConfig(settings), iam: iam.NewFromConfig(settings),
		kms: kms.NewFromConfig(settings), route53: route53.NewFromConfig(settings),
		s3:  s3.NewFromConfig(settings, func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true }),
		sts: sts.NewFromConfig(settings), limits: servicequotas.NewFromConfig(settings), tags: tagging.NewFromConfig(settings),
		logs: cloudwatchlogs.NewFromConfig(settings), ssm: ssm.NewFromConfig(settings),
		classic: elasticloadbalancing.NewFromConfig(settings), balancers: elasticloadbalancingv2.NewFromConfig(settings),
	}, nil
}

// Headline implements provider.Provider.
func (a *amazon) Headline() string {
	p := a.Cluster.Provider
	return fmt.Sprintf("aws %s %s · EKS %s · %d zones", p.Account, p.Region, a.Cluster.Kubernetes, len(p.Zones))
}

// Leases implements provider.Provider.
func (a *amazon) Leases() engine.Leases { return leases{a} }

// Resources implements provider.Provider.
func (a *amazon) Resources(g *engine.Graph) (provider.Kubernetes, error) {
	zones := len(a.Cluster.Provider.Zones)
	if zones < leastZones || zones > mostZones {
		return provider.Kubernetes{}, fmt.Errorf("EKS needs %d to %d zones here, and provider.zones in cluster.yaml lists %d; write as many", leastZones, mostZones, zones)
	}
	network := a.addNetwork(g)
	lease, buckets := a.addBuckets(g)
	zone := a.addZone(g, lease)
	roles := a.addIdentities(g, zone)
	ready := a.addCluster(g, network, roles, a.addRecords(g, zone))
	return provider.Kubernetes{
		After:  append(ready, buckets...),
		Config: a.restConfig, Kubeconfig: a.kubeconfig,
	}, nil
}

// gateways is how many NAT gateways the cluster makes.
func (a *amazon) gateways() int {
	switch {
	case a.givenNetwork():
		return 0
	case a.Cluster.Provider.Network.NATGateways == cluster.NATSingle:
		return 1
	}
	return len(a.Cluster.Provider.Zones)
}

// partition is the part of AWS that the region is in: the second word of every ARN.
func (a *amazon) partition() string {
	region := a.Cluster.Provider.Region
	for prefix, name := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov"} {
		if len(region) > len(prefix) && region[:len(prefix)] == prefix {
			return name
		}
	}
	return "aws"
}

// gone says whether an error is that there is no such thing.
func (a *amazon) gone(err error) bool { return err != nil && a.Classify(err).Class == engine.Gone }

// token is a client token. It belongs to one run, since AWS remembers tokens of what was deleted meanwhile; what a killed
// run made is found by its tags.
func (a *amazon) token(g *engine.Graph, name string, parts ...string) *string {
	failed, _ := a.broken.Load(name)
	return aws.String(g.Token(name, append(parts, a.run, fmt.Sprint(failed))...))
}

// tokenOf is a client token of something that is changed: the same change by the same run is one.
func tokenOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// remember notes a resource that failed, for token.
func (a *amazon) remember(name string) func(engine.State[string], error) (engine.State[string], error) {
	return func(s engine.State[string], err error) (engine.State[string], error) {
		if err == nil && s.Condition == engine.Failed {
			a.broken.Store(name, s.Output)
		}
		return s, err
	}
}
