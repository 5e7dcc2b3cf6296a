package exporter

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
)

// Bounds. What an exporter fetches ends in one scrape and one ConfigMap.
const (
	maxSamples  = 200_000
	maxList     = 200
	maxTargets  = 500
	leastMemory = 32 << 20
	mostMemory  = 4 << 30
)

// checker finds what is wrong with the exporters of one tenant.
type checker struct {
	*document.Collector
	networks []string
}

// Problems are what is wrong with the exporters by themselves, whatever the cluster; path is where they stand.
func (e *Exporters) Problems(c *document.Collector, path string) {
	if e == nil {
		return
	}
	k := &checker{c, e.Networks}
	for i, network := range e.Networks {
		if _, err := Network(network); err != nil {
			k.say(fmt.Sprintf("%s.networks[%d]", path, i), err)
		}
	}
	k.length(path+".networks", len(e.Networks), 0, maxList)
	if e.SamplesPerScrape < 0 || e.SamplesPerScrape > maxSamples {
		k.Fail(path+".samplesPerScrape", "Fetch fewer metrics, or in several jobs.", "is %d; at most %d are taken", e.SamplesPerScrape, maxSamples)
	}
	if !e.Any() {
		k.Fail(path, "Write one of cloudwatch, cloudMonitoring, azureMonitor and blackbox, or remove the section.", "has no exporter")
	}
	if e.CloudWatch != nil {
		k.cloudWatch(path+".cloudwatch", e.CloudWatch)
	}
	if e.CloudMonitoring != nil {
		k.cloudMonitoring(path+".cloudMonitoring", e.CloudMonitoring)
	}
	if e.AzureMonitor != nil {
		k.azureMonitor(path+".azureMonitor", e.AzureMonitor)
	}
	if e.Blackbox != nil {
		k.blackbox(path+".blackbox", e.Blackbox)
	}
}

func (k *checker) say(path string, err error) { k.Fail(path, "", "%s", err.Error()) }

// length bounds a list.
func (k *checker) length(path string, n, least, most int) {
	switch {
	case n < least:
		k.Fail(path, "", "is empty")
	case n > most:
		k.Fail(path, "", "has %d entries; at most %d are taken", n, most)
	}
}

// texts checks a list that needs an entry, each of a form.
func (k *checker) texts(path string, texts []string, form *regexp.Regexp, hint string) {
	k.length(path, len(texts), 1, maxList)
	seen := map[string]bool{}
	for i, text := range texts {
		k.text(fmt.Sprintf("%s[%d]", path, i), text, form, hint)
		if seen[text] {
			k.Fail(fmt.Sprintf("%s[%d]", path, i), "Keep one of them.", "names %s a second time", text)
		}
		seen[text] = true
	}
}

func (k *checker) text(path, text string, form *regexp.Regexp, hint string) {
	if !form.MatchString(text) {
		k.Fail(path, hint, "is %q", text)
	}
}

// interval checks a duration that may be left out.
func (k *checker) interval(path string, value, least, most quantity.Duration) {
	if value != 0 && (value < least || value > most || value%second != 0) {
		k.Fail(path, fmt.Sprintf("Write %s to %s, in whole seconds.", least, most), "is %s", value)
	}
}

func (k *checker) memory(path, text string) {
	if text == "" {
		return
	}
	size, err := resource.ParseQuantity(text)
	if err != nil || size.CmpInt64(leastMemory) < 0 || size.CmpInt64(mostMemory) > 0 {
		k.Fail(path, `Write 32Mi to 4Gi, such as "256Mi".`, "is %q", text)
	}
}

var (
	roleARN     = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	region      = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)
	awsName     = regexp.MustCompile(`^[A-Za-z0-9/_.#: -]{1,255}$`)
	statistic   = regexp.MustCompile(`^(Average|Maximum|Minimum|Sum|SampleCount|p[0-9]{1,2}(\.[0-9]+)?)$`)
	project     = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$`)
	google      = regexp.MustCompile(`^[a-z0-9][-a-z0-9]*@[-a-z0-9.:]+\.gserviceaccount\.com$`)
	provider    = regexp.MustCompile(`^projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32}$`)
	metricType  = regexp.MustCompile(`^[a-z][a-z0-9.-]*\.[a-z]+(/[A-Za-z0-9_./-]*)?$`)
	uuid        = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	azureType   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*(/[A-Za-z][A-Za-z0-9]*)+$`)
	azureMetric = regexp.MustCompile(`^[A-Za-z0-9_./%() -]{1,200}$`)
	reference   = regexp.MustCompile(`^\$\{secret:([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)/([-._a-zA-Z0-9]{1,253})\}$`)
	moduleName  = regexp.MustCompile(`^[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`)
	labelName   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	headerName  = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)
)

const (
	roleHint   = "Write a role's ARN, such as arn:aws:iam::123456789012:role/payments-cloudwatch."
	regionHint = "Write a region of AWS, such as eu-central-1."
	uuidHint   = "Write an ID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301."
)

func (k *checker) cloudWatch(path string, c *CloudWatch) {
	k.text(path+".role", c.Role, roleARN, roleHint)
	k.texts(path+".regions", c.Regions, region, regionHint)
	k.interval(path+".interval", c.Interval, minute, 60*minute)
	k.memory(path+".memory", c.Memory)
	k.length(path+".jobs", len(c.Jobs), 1, maxList)
	for i, job := range c.Jobs {
		k.cloudWatchJob(fmt.Sprintf("%s.jobs[%d]", path, i), job)
	}
}

func (k *checker) cloudWatchJob(path string, job CloudWatchJob) {
	k.text(path+".namespace", job.Namespace, awsName, "Write a namespace of CloudWatch, such as AWS/RDS.")
	if known := discovered(); len(job.Tags) > 0 && !slices.Contains(known, job.Namespace) {
		k.Fail(path+".tags", document.Suggest(job.Namespace, known, "Leave tags out, which fetches all of the namespace. Resources can be found by tags in "),
			"cannot be used: no resources are found by tags in %s", job.Namespace)
	}
	if len(job.Regions) > 0 {
		k.texts(path+".regions", job.Regions, region, regionHint)
	}
	if len(job.Roles) > 0 {
		k.texts(path+".roles", job.Roles, roleARN, roleHint)
	}
	for _, tag := range slices.Sorted(maps.Keys(job.Tags)) {
		k.expression(path+".tags."+tag, job.Tags[tag])
	}
	if len(job.Dimensions) > 0 {
		k.texts(path+".dimensions", job.Dimensions, awsName, "Write the name of a dimension, such as DBInstanceIdentifier.")
	}
	if job.Period != 0 && (job.Period%minute != 0 || job.Period < minute || job.Period > 24*60*minute) {
		k.Fail(path+".period", "Write 1m to 1d, in whole minutes.", "is %s", job.Period)
	}
	k.length(path+".metrics", len(job.Metrics), 1, maxList)
	for i, metric := range job.Metrics {
		here := fmt.Sprintf("%s.metrics[%d]", path, i)
		k.text(here+".name", metric.Name, awsName, "Write the name of a metric, such as CPUUtilization.")
		if len(metric.Statistics) > 0 {
			k.texts(here+".statistics", metric.Statistics, statistic, "Write Average, Maximum, Minimum, Sum, SampleCount, or a percentile such as p99.")
		}
	}
}

func (k *checker) cloudMonitoring(path string, c *CloudMonitoring) {
	k.texts(path+".projects", c.Projects, project, "Write a project's ID, such as acme-payments.")
	if c.ServiceAccount != "" {
		k.text(path+".serviceAccount", c.ServiceAccount, google, "Write its e-mail address, such as metrics@acme-payments.iam.gserviceaccount.com.")
	}
	if c.WorkloadIdentityProvider != "" {
		k.text(path+".workloadIdentityProvider", c.WorkloadIdentityProvider, provider, "Write projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.")
	}
	k.texts(path+".metrics", c.Metrics, metricType, "Write the beginning of a metric type, such as pubsub.googleapis.com/subscription.")
	for _, prefix := range slices.Sorted(maps.Keys(c.Filters)) {
		here := path + ".filters." + prefix
		switch filter := c.Filters[prefix]; {
		case !slices.ContainsFunc(c.Metrics, func(m string) bool { return strings.HasPrefix(prefix, m) }):
			k.Fail(here, "Write one of metrics, or a metric that begins so.", "narrows metrics that are not fetched")
		case filter == "" || strings.ContainsAny(filter, "\n\r\x00"):
			k.Fail(here, "Write one line.", "is %q", filter)
		}
	}
	k.interval(path+".interval", c.Interval, minute, 4*minute)
	k.memory(path+".memory", c.Memory)
}

func (k *checker) azureMonitor(path string, a *AzureMonitor) {
	k.text(path+".directory", a.Directory, uuid, uuidHint)
	k.text(path+".clientID", a.ClientID, uuid, uuidHint)
	k.texts(path+".subscriptions", a.Subscriptions, uuid, uuidHint)
	k.interval(path+".interval", a.Interval, minute, 4*minute)
	k.memory(path+".memory", a.Memory)
	k.length(path+".queries", len(a.Queries), 1, maxList)
	for i, query := range a.Queries {
		here := fmt.Sprintf("%s.queries[%d]", path, i)
		k.text(here+".resourceType", query.ResourceType, azureType, "Write a type of Azure, such as Microsoft.Cache/Redis.")
		// It is what tells the scrapes apart.
		if first := slices.IndexFunc(a.Queries, func(other AzureQuery) bool { return strings.EqualFold(other.ResourceType, query.ResourceType) }); first < i {
			k.Fail(here+".resourceType", "Write the metrics there.", "is that of queries[%d]", first)
		}
		k.texts(here+".metrics", query.Metrics, azureMetric, "Write the name of a metric, such as connectedclients.")
		if query.Period != 0 && !slices.Contains(azurePeriods(), time.Duration(query.Period)) {
			k.Fail(here+".period", "Write 1m, 5m, 15m, 30m, 1h, 6h, 12h or 1d.", "is %s", query.Period)
		}
	}
}

// azurePeriods are the granularities of Azure Monitor.
func azurePeriods() []time.Duration {
	const m, h = time.Minute, time.Hour
	return []time.Duration{m, 5 * m, 15 * m, 30 * m, h, 6 * h, 12 * h, 24 * h}
}

// expression checks a regular expression; all exporters use Go's.
func (k *checker) expression(path, text string) {
	if _, err := regexp.Compile(text); err != nil {
		k.Fail(path, "", "is not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}
