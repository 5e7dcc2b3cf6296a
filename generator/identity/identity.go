package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Use is what a bucket is for.
type Use string

// Buckets of a cluster.
const (
	// Metrics holds Cortex' blocks.
	Metrics Use = "metrics"
	// Logs holds Loki's chunks and indexes.
	Logs Use = "logs"
	// Rules holds rules and alerting configuration of both.
	Rules Use = "rules"
)

// Uses are all of them, in the order in which they are shown.
func Uses() []Use { return []Use{Metrics, Logs, Rules} }

// Bucket is a bucket's name where cluster.yaml names none.
func Bucket(cluster string, use Use) string { return cluster + "-" + string(use) }

// Grant is the right to read, write, list and delete objects of one bucket.
type Grant struct {
	Use Use
	// Prefixes are the only beginnings of names that it is for ("loki/"); the whole bucket when there is none.
	Prefixes []string
}

// Account is a component that is somebody in the cloud.
type Account struct {
	// Component is the folder in bases/, and the key of provider.identities in cluster.yaml.
	Component string
	// Namespace and Name are the Kubernetes service account.
	Namespace, Name string
	// Buckets are the rights on object storage.
	Buckets []Grant
	// DNS is the right to change records of the cluster's zone, and to find it.
	DNS bool
	// Nodes is the right to change how many nodes each zone has, within the bounds that bootstrap sets. Only on aws: GKE
	// does that by itself.
	Nodes bool
}

// Accounts are all components that are somebody in a provider's cloud ("aws", "gcp"). What is not here has no rights there.
func Accounts(provider string) []Account {
	accounts := []Account{
		{Component: "cortex", Namespace: "cortex", Name: "cortex", Buckets: []Grant{
			{Use: Metrics},
			// Cortex puts what it stores under fixed names (Cortex 1.21, pkg/ruler/rulestore/bucketclient and
			// pkg/alertmanager/alertstore/bucketclient).
			{Use: Rules, Prefixes: []string{"rules/", "alerts/", "alertmanager/"}},
		}},
		{Component: "loki", Namespace: "loki", Name: "loki", Buckets: []Grant{
			{Use: Logs},
			{Use: Rules, Prefixes: []string{"loki/"}},
		}},
		// DNS-01 challenges.
		{Component: "cert-manager", Namespace: "cert-manager", Name: "cert-manager", DNS: true},
		{Component: "external-dns", Namespace: "external-dns", Name: "external-dns", DNS: true},
	}
	if provider == "aws" {
		accounts = append(accounts, Account{Component: "cluster-autoscaler", Namespace: "cluster-autoscaler", Name: "cluster-autoscaler", Nodes: true})
	}
	return accounts
}

// Exporter is one of a tenant's exporters ("cloudwatch"). It has no rights of the cluster's: the team gives it those that
// it needs, in an account of its own.
func Exporter(tenant, name string) Account {
	return Account{Component: "exporters", Namespace: "tenant-" + tenant, Name: "exporter-" + name}
}

// Subject is how Kubernetes and both clouds call the service account: "system:serviceaccount:<namespace>:<name>".
func (a Account) Subject() string {
	return "system:serviceaccount:" + a.Namespace + ":" + a.Name
}

// Role is the name of an IAM role on aws, for an account's component or for something of bootstrap's own ("nodes"). Names
// of roles are shared by the whole AWS account and have at most 64 characters.
func Role(cluster, component string) string {
	return shorten("opsgen-"+cluster+"-"+component, 64)
}

// GoogleAccount is the ID of a service account on gcp, for what cannot be a Kubernetes service account (nodes). It has 6 to
// 30 characters.
func GoogleAccount(cluster, component string) string {
	return shorten("opsgen-"+cluster+"-"+component, 30)
}

// GoogleMember is a Kubernetes service account as a member of an IAM policy on gcp: GKE's workload identity lets it be
// named directly, without a Google service account and without an annotation. The project is named twice: by its number
// and, as the pool, by its ID.
func GoogleMember(projectNumber, project string, a Account) string {
	return fmt.Sprintf("principal://iam.googleapis.com/projects/%s/locations/global/workloadIdentityPools/%s.svc.id.goog/subject/ns/%s/sa/%s",
		projectNumber, project, a.Namespace, a.Name)
}

// hashDigits are what keeps shortened names apart.
const hashDigits = 6

// shorten cuts a name and ends it with a hash of the whole, so that two long names stay different.
func shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:limit-hashDigits-1], "-") + "-" + hex.EncodeToString(sum[:])[:hashDigits]
}
