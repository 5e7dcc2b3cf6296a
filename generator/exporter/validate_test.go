package exporter_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/exporter"
	"github.com/opsgen/opsgen/generator/tenant"
)

// problems are what is said about a tenant with these exporters, "line:column: message | hint" each.
func problems(t *testing.T, exporters string) []string {
	t.Helper()
	text := "clusters: [prod]\nexporters:\n" + exporters
	written := &tenant.Tenant{Name: "payments"}
	file, err := document.Decode("tenant.yaml", []byte(text), written)
	if err != nil {
		return said(t, err)
	}
	return said(t, written.Problems(file).Err())
}

func said(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	list, ok := err.(document.Problems) //nolint:errorlint // it is returned as it is
	if !ok {
		t.Fatalf("not problems but %v", err)
	}
	var texts []string
	for _, p := range list {
		texts = append(texts, fmt.Sprintf("%d:%d: %s | %s", p.Line, p.Column, p.Message, p.Hint))
	}
	return texts
}

// A sound exporter of each kind, one line a field, to put a mistake into.
const (
	cloudwatch = `  cloudwatch:
    role: arn:aws:iam::123456789012:role/a
    regions: [eu-central-1]
    jobs: [{namespace: AWS/RDS, metrics: [{name: A}]}]
`
	google = `  cloudMonitoring:
    projects: [acme-payments]
    metrics: [pubsub.googleapis.com/subscription]
`
	azure = `  azureMonitor:
    directory: 3f2504e0-4f89-41d3-9a0c-0305e82c3301
    clientID: 3f2504e0-4f89-41d3-9a0c-0305e82c3301
    subscriptions: [3f2504e0-4f89-41d3-9a0c-0305e82c3301]
    queries: [{resourceType: Microsoft.Cache/Redis, metrics: [a]}]
`
	probe = `  blackbox:
    targets: [{address: "https://a.example.com"}]
`
)

func TestSoundExporters(t *testing.T) {
	for _, text := range []string{
		cloudwatch, google, azure, probe, cloudwatch + google + azure + probe,
		"  networks: [10.20.0.0/16]\n  blackbox: {targets: [{address: 'http://10.20.3.4:8080/x'}, {address: 'db.svc.cluster.local:5432'}, {address: 'db:5432'}]}\n",
		"  blackbox: {targets: [{address: '8.8.8.8:53'}, {address: 'http://a.example.com'}, {address: 'http://a.example.com', module: tcp2}], modules: {tcp2: {http: {}}}}\n",
	} {
		if got := problems(t, text); got != nil {
			t.Errorf("%s\nwas refused: %q", text, got)
		}
	}
}

// with puts a line in place of the one that begins with the same field.
func with(sound, line string) string {
	field, _, _ := strings.Cut(strings.TrimSpace(line), ":")
	lines := strings.Split(sound, "\n")
	for i, old := range lines {
		if strings.HasPrefix(strings.TrimSpace(old), field+":") {
			lines[i] = line
			return strings.Join(lines, "\n")
		}
	}
	return sound + line + "\n"
}

// target is a blackbox exporter with one target, and modules.
func target(target, modules string) string {
	return "  blackbox:\n    targets:\n    - " + target + "\n    modules: {" + modules + "}\n"
}

func module(text string) string { return target(`address: "https://a.example.com"`, "m: {"+text+"}") }

const (
	arn      = "Write a role's ARN, such as arn:aws:iam::123456789012:role/payments-cloudwatch."
	id       = "Write an ID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301."
	aRegion  = "Write a region of AWS, such as eu-central-1."
	aProject = "Write a project's ID, such as acme-payments."
)

func TestWrongExporters(t *testing.T) {
	cases := map[string]string{
		"  {}\n":                                     "3:3: exporters has no exporter | Write one of cloudwatch, cloudMonitoring, azureMonitor and blackbox, or remove the section.",
		"  networks: [10.0.0.0/8]\n":                 "3:3: exporters has no exporter | Write one of cloudwatch, cloudMonitoring, azureMonitor and blackbox, or remove the section.",
		"  cloudWatch: {}\n":                         "3:3: unknown field \"cloudWatch\" in exporters; did you mean \"cloudwatch\"? | ",
		"  cloudwatch: {}\n":                         "3:15: exporters.cloudwatch.role is missing | \n3:15: exporters.cloudwatch.regions is missing | \n3:15: exporters.cloudwatch.jobs is missing | ",
		"  samplesPerScrape: 1M\n" + probe:           "3:21: exporters.samplesPerScrape is 1000000; at most 200000 are taken | Fetch fewer metrics, or in several jobs.",
		"  networks: [10.0.0.0]\n" + probe:           "3:14: exporters.networks[0] \"10.0.0.0\" is not a network; write it as an address and a number of bits, such as 10.20.4.0/24 | ",
		"  networks: [10.0.0.1/8]\n" + probe:         "3:14: exporters.networks[0] \"10.0.0.1/8\" names an address in a network; write the network, 10.0.0.0/8, or the address alone, 10.0.0.1/32 | ",
		"  networks: ['fd00::/8']\n" + probe:         "3:14: exporters.networks[0] \"fd00::/8\" is a network of IPv6, and exporters leave by IPv4 only | ",
		"  networks: [0.0.0.0/0]\n" + probe:          "3:14: exporters.networks[0] \"0.0.0.0/0\" holds addresses of 0.0.0.0/8, which no exporter may reach: the pod itself, the cloud's metadata service, or no machine at all | ",
		"  networks: [169.254.169.254/32]\n" + probe: "3:14: exporters.networks[0] \"169.254.169.254/32\" holds addresses of 169.254.0.0/16, which no exporter may reach: the pod itself, the cloud's metadata service, or no machine at all | ",

		with(cloudwatch, "    role: payments"):                                                     "4:11: exporters.cloudwatch.role is \"payments\" | " + arn,
		with(cloudwatch, "    role: arn:aws:iam::123456789012:user/a"):                             "4:11: exporters.cloudwatch.role is \"arn:aws:iam::123456789012:user/a\" | " + arn,
		with(cloudwatch, "    regions: []"):                                                        "5:14: exporters.cloudwatch.regions is empty | ",
		with(cloudwatch, "    regions: [Frankfurt]"):                                               "5:15: exporters.cloudwatch.regions[0] is \"Frankfurt\" | " + aRegion,
		with(cloudwatch, "    regions: [us-east-1, us-east-1]"):                                    "5:26: exporters.cloudwatch.regions[1] names us-east-1 a second time | Keep one of them.",
		with(cloudwatch, "    interval: 10s"):                                                      "7:15: exporters.cloudwatch.interval is 10s | Write 1m to 1h, in whole seconds.",
		with(cloudwatch, "    memory: 1Ki"):                                                        "7:13: exporters.cloudwatch.memory is \"1Ki\" | Write 32Mi to 4Gi, such as \"256Mi\".",
		with(cloudwatch, "    accessKey: AKIA"):                                                    "7:5: unknown field \"accessKey\" in exporters.cloudwatch | Fields here are: role, regions, interval, jobs, memory.",
		with(cloudwatch, "    jobs: []"):                                                           "6:11: exporters.cloudwatch.jobs is empty | ",
		with(cloudwatch, "    jobs: [{namespace: 'A$', metrics: [{name: A}]}]"):                    "6:24: exporters.cloudwatch.jobs[0].namespace is \"A$\" | Write a namespace of CloudWatch, such as AWS/RDS.",
		with(cloudwatch, "    jobs: [{namespace: AWS/RDSS, tags: {a: b}, metrics: [{name: A}]}]"):  "6:40: exporters.cloudwatch.jobs[0].tags cannot be used: no resources are found by tags in AWS/RDSS | Did you mean \"AWS/RDS\"?",
		with(cloudwatch, "    jobs: [{namespace: AWS/RDS, tags: {a: '('}, metrics: [{name: A}]}]"): "6:43: exporters.cloudwatch.jobs[0].tags.a is not a regular expression: missing closing ): `(` | ",
		with(cloudwatch, "    jobs: [{namespace: A, regions: [x], metrics: [{name: A}]}]"):         "6:37: exporters.cloudwatch.jobs[0].regions[0] is \"x\" | " + aRegion,
		with(cloudwatch, "    jobs: [{namespace: A, roles: [x], metrics: [{name: A}]}]"):           "6:35: exporters.cloudwatch.jobs[0].roles[0] is \"x\" | " + arn,
		with(cloudwatch, "    jobs: [{namespace: A, dimensions: ['$'], metrics: [{name: A}]}]"):    "6:40: exporters.cloudwatch.jobs[0].dimensions[0] is \"$\" | Write the name of a dimension, such as DBInstanceIdentifier.",
		with(cloudwatch, "    jobs: [{namespace: A, period: 90s, metrics: [{name: A}]}]"):          "6:35: exporters.cloudwatch.jobs[0].period is 90s | Write 1m to 1d, in whole minutes.",
		with(cloudwatch, "    jobs: [{namespace: A, metrics: []}]"):                                "6:36: exporters.cloudwatch.jobs[0].metrics is empty | ",
		with(cloudwatch, "    jobs: [{namespace: A, metrics: [{name: ''}]}]"):                      "6:37: exporters.cloudwatch.jobs[0].metrics[0].name is missing | ",
		with(cloudwatch, "    jobs: [{namespace: A, metrics: [{name: A, statistics: [Mean]}]}]"):   "6:60: exporters.cloudwatch.jobs[0].metrics[0].statistics[0] is \"Mean\" | Write Average, Maximum, Minimum, Sum, SampleCount, or a percentile such as p99.",

		with(google, "    projects: [A]"):                  "4:16: exporters.cloudMonitoring.projects[0] is \"A\" | " + aProject,
		with(google, "    serviceAccount: me@example.com"): "6:21: exporters.cloudMonitoring.serviceAccount is \"me@example.com\" | Write its e-mail address, such as metrics@acme-payments.iam.gserviceaccount.com.",
		with(google, "    workloadIdentityProvider: p"):    "6:31: exporters.cloudMonitoring.workloadIdentityProvider is \"p\" | Write projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.",
		with(google, "    metrics: [everything]"):          "5:15: exporters.cloudMonitoring.metrics[0] is \"everything\" | Write the beginning of a metric type, such as pubsub.googleapis.com/subscription.",
		with(google, "    interval: 10m"):                  "6:15: exporters.cloudMonitoring.interval is 10m | Write 1m to 4m, in whole seconds.",
		with(google, "    memory: lots"):                   "6:13: exporters.cloudMonitoring.memory is \"lots\" | Write 32Mi to 4Gi, such as \"256Mi\".",

		with(azure, "    directory: acme"):                                                                 "4:16: exporters.azureMonitor.directory is \"acme\" | " + id,
		with(azure, "    clientID: acme"):                                                                  "5:15: exporters.azureMonitor.clientID is \"acme\" | " + id,
		with(azure, "    subscriptions: [a]"):                                                              "6:21: exporters.azureMonitor.subscriptions[0] is \"a\" | " + id,
		with(azure, "    queries: []"):                                                                     "7:14: exporters.azureMonitor.queries is empty | ",
		with(azure, "    interval: 30s"):                                                                   "8:15: exporters.azureMonitor.interval is 30s | Write 1m to 4m, in whole seconds.",
		with(azure, "    memory: 64Gi"):                                                                    "8:13: exporters.azureMonitor.memory is \"64Gi\" | Write 32Mi to 4Gi, such as \"256Mi\".",
		with(azure, "    clientSecret: hunter2"):                                                           "8:5: unknown field \"clientSecret\" in exporters.azureMonitor | Fields here are: directory, clientID, subscriptions, queries, interval, memory.",
		with(azure, "    queries: [{resourceType: Redis, metrics: [a]}]"):                                  "7:30: exporters.azureMonitor.queries[0].resourceType is \"Redis\" | Write a type of Azure, such as Microsoft.Cache/Redis.",
		with(azure, "    queries: [{resourceType: A/b, metrics: ['&']}]"):                                  "7:45: exporters.azureMonitor.queries[0].metrics[0] is \"&\" | Write the name of a metric, such as connectedclients.",
		with(azure, "    queries: [{resourceType: A/b, metrics: [a], period: 2m}]"):                        "7:57: exporters.azureMonitor.queries[0].period is 2m | Write 1m, 5m, 15m, 30m, 1h, 6h, 12h or 1d.",
		with(azure, "    queries: [{resourceType: A/b, metrics: [a]}, {resourceType: A/b, metrics: [b]}]"): "7:65: exporters.azureMonitor.queries[1].resourceType is that of queries[0] | Write the metrics there.",
		with(azure, "    queries: [{resourceType: A/b, metrics: [a], aggregations: [mean]}]"):              "7:64: exporters.azureMonitor.queries[0].aggregations[0] is \"mean\" | Write one of: average, total, minimum, maximum, count.",

		with(probe, "    targets: []"):                                           "4:14: exporters.blackbox.targets is empty | ",
		with(probe, "    interval: 5m"):                                          "5:15: exporters.blackbox.interval is 5m | Write 10s to 4m, in whole seconds.",
		with(probe, "    memory: 1"):                                             "5:13: exporters.blackbox.memory must be a text | Write it in quotes: \"1\".",
		target(`address: https://a.example.com`, ""):                             "",
		target(`{address: "https://a.example.com", module: htpt}`, ""):           "5:50: exporters.blackbox.targets[0].module is \"htpt\", which is not among the modules | Modules are http, tcp.",
		target(`address: "https://u:p@a.example.com"`, ""):                       "5:16: exporters.blackbox.targets[0].address has a name or a password in it, which everybody reads; write basicAuth in a module | ",
		target(`{address: "ftp://a.example.com", module: http}`, ""):             "5:17: exporters.blackbox.targets[0].address is no URL that begins with http:// or https:// | ",
		target(`address: "https://a.example.com:99999"`, ""):                     "5:16: exporters.blackbox.targets[0].address has the port \"99999\"; write one from 1 to 65535 | ",
		target(`address: a.example.com`, ""):                                     "5:16: exporters.blackbox.targets[0].address is \"a.example.com\", and module tcp needs a host and a port, such as db.example.com:5432 | ",
		target(`address: "https://`+strings.Repeat("a", 1000)+`"`, ""):           "5:16: exporters.blackbox.targets[0].address has 1008 bytes; at most 1000 are a label | ",
		target(`address: "http://169.254.169.254/latest"`, ""):                   "5:16: exporters.blackbox.targets[0].address is 169.254.169.254, which no exporter may reach | ",
		target(`address: "http://127.0.0.1:9115"`, ""):                           "5:16: exporters.blackbox.targets[0].address is 127.0.0.1, which no exporter may reach | ",
		target(`address: "http://localhost"`, ""):                                "5:16: exporters.blackbox.targets[0].address is localhost, the exporter itself | ",
		target(`address: "http://10.1.2.3"`, ""):                                 "5:16: exporters.blackbox.targets[0].address is 10.1.2.3, a private address; name its network in exporters.networks, where the cluster's owner allows it | ",
		target(`address: "100.100.1.1:22"`, ""):                                  "5:16: exporters.blackbox.targets[0].address is 100.100.1.1, a private address; name its network in exporters.networks, where the cluster's owner allows it | ",
		target(`address: "http://[fd00::1]/"`, ""):                               "5:16: exporters.blackbox.targets[0].address is an address of IPv6, and exporters leave by IPv4 only | ",
		target(`address: "http://distributor.cortex.svc:8080/metrics"`, ""):      "5:16: exporters.blackbox.targets[0].address has the host distributor.cortex.svc, which is not public; name its network in exporters.networks, where the cluster's owner allows it | ",
		target(`address: "http://kubernetes"`, ""):                               "5:16: exporters.blackbox.targets[0].address has the host kubernetes, which is not public; name its network in exporters.networks, where the cluster's owner allows it | ",
		target(`address: "http://metadata.google.internal/"`, ""):                "5:16: exporters.blackbox.targets[0].address has the host metadata.google.internal, which is not public; name its network in exporters.networks, where the cluster's owner allows it | ",
		target(`address: "http://2130706433/"`, ""):                              "5:16: exporters.blackbox.targets[0].address has the host \"2130706433\", which is neither a name nor an address | ",
		target(`address: "http://0x7f.1/"`, ""):                                  "5:16: exporters.blackbox.targets[0].address has the host \"0x7f.1\", which is neither a name nor an address | ",
		target("address: a.example.com:80\n    - address: a.example.com:80", ""): "6:7: exporters.blackbox.targets[1] is targets[0] a second time | Keep one of them.",
		target("{address: 'a.example.com:80', labels: {a-b: c}}", ""):            "5:51: exporters.blackbox.targets[0].labels.a-b has \"a-b\", which is not a label's name | Write letters, digits and underscores, no digit first.",
		target("{address: 'a.example.com:80', labels: {job: c}}", ""):            "5:51: exporters.blackbox.targets[0].labels.job is a label that every target has | Choose another name.",

		module(""):                                                    "6:18: exporters.blackbox.modules.m has 0 of http, tcp, dns and grpc | Write one, such as http: {}.",
		module("http: {}, tcp: {}"):                                   "6:18: exporters.blackbox.modules.m has 2 of http, tcp, dns and grpc | Write one, such as http: {}.",
		module("icmp: {}"):                                            "6:19: unknown field \"icmp\" in exporters.blackbox.modules.m | Fields here are: timeout, http, tcp, dns, grpc.",
		module("http: {}, timeout: 30s"):                              "6:38: exporters.blackbox.modules.m.timeout is 30s, and a target is probed every 30s | Write 1s or more in whole seconds, and less than the interval.",
		module("http: {method: FETCH}"):                               "6:34: exporters.blackbox.modules.m.http.method is \"FETCH\" | Write one of: GET, HEAD, POST, PUT, OPTIONS.",
		module("http: {statusCodes: [20]}"):                           "6:40: exporters.blackbox.modules.m.http.statusCodes[0] is 20 | Write 100 to 599.",
		module("http: {bodyMatches: ['(']}"):                          "6:40: exporters.blackbox.modules.m.http.bodyMatches[0] is not a regular expression: missing closing ): `(` | ",
		module("http: {bodyLacks: ['a**']}"):                          "6:38: exporters.blackbox.modules.m.http.bodyLacks[0] is not a regular expression: invalid nested repetition operator: `**` | ",
		module("http: {headers: {Cookie: a}}"):                        "6:44: exporters.blackbox.modules.m.http.headers.Cookie would be a credential that everybody reads | Write bearerToken or basicAuth, with a reference to a Secret.",
		module(`http: {headers: {A: "b\nc"}}`):                        "6:39: exporters.blackbox.modules.m.http.headers.A is not a header of one line | ",
		module("http: {bearerToken: hunter2}"):                        "6:39: exporters.blackbox.modules.m.http.bearerToken is not a reference to a Secret | Put it into a Secret of the tenant's namespace and write ${secret:NAME/KEY}.",
		module("http: {bearerToken: '${secret:grafana/secret-key}'}"): "6:39: exporters.blackbox.modules.m.http.bearerToken refers to the Secret grafana, which is the platform's | Name a Secret of the team's own.",
		module("http: {basicAuth: {username: a, password: b}}"):       "6:61: exporters.blackbox.modules.m.http.basicAuth.password is not a reference to a Secret | Put it into a Secret of the tenant's namespace and write ${secret:NAME/KEY}.",
		module("http: {bearerToken: '${secret:a/b}', basicAuth: {username: a, password: '${secret:a/b}'}}"): "6:67: exporters.blackbox.modules.m.http.basicAuth and bearerToken are both written | Keep one of them.",
		module("tcp: {expect: '['}"):                                       "6:33: exporters.blackbox.modules.m.tcp.expect is not a regular expression: missing closing ]: `[` | ",
		module("dns: {name: ' '}"):                                         "6:31: exporters.blackbox.modules.m.dns.name is \" \" | Write a name such as www.example.com.",
		module("dns: {name: a.example.com, type: ANY}"):                    "6:52: exporters.blackbox.modules.m.dns.type is \"ANY\" | Write one of: A, AAAA, CAA, CNAME, MX, NS, SOA, SRV, TXT.",
		target(`address: "https://a.example.com"`, "M!: {http: {}}"):       "6:19: exporters.blackbox.modules.M! has the name \"M!\" | Write lower-case letters, digits, hyphens and underscores.",
		google + "    filters: {a.example.com/x: 'y'}\n":                   "6:14: exporters.cloudMonitoring.filters.a.example.com/x narrows metrics that are not fetched | Write one of metrics, or a metric that begins so.",
		google + "    filters: {pubsub.googleapis.com/subscription: ''}\n": "6:14: exporters.cloudMonitoring.filters.pubsub.googleapis.com/subscription is \"\" | Write one line.",
	}
	for text, want := range cases {
		if got := strings.Join(problems(t, text), "\n"); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestNetworksAreWithin(t *testing.T) {
	allowed := []string{"10.20.0.0/16", "192.168.7.0/24"}
	for network, want := range map[string]bool{
		"10.20.4.0/24": true, "10.20.0.0/16": true, "192.168.7.9/32": true, "10.0.0.0/8": false, "10.21.0.0/24": false, "nonsense": false, "10.20.4.1/24": false,
	} {
		if got := exporter.Within(network, allowed); got != want {
			t.Errorf("%s within %v: %v", network, allowed, got)
		}
	}
}

// TestTheManualIsRight takes every example of docs/exporters.md.
func TestTheManualIsRight(t *testing.T) {
	text, err := os.ReadFile("../../docs/exporters.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		_, fields, found := strings.Cut(example, "exporters:\n")
		if !found || !strings.Contains(fields, "\n    ") {
			continue // what a cluster allows
		}
		examples++
		if got := problems(t, fields); got != nil {
			t.Errorf("%s\nwas refused: %q", example, got)
		}
	}
	if examples < 4 {
		t.Errorf("only %d examples were found", examples)
	}
}
