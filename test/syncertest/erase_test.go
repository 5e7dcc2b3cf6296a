package syncertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/build"
)

// Three tenants whose IDs begin alike: the one that is erased, the one that has its name now, and another one.
const (
	gone      = "pay"
	successor = "pay-k7x2q"
	neighbour = "payments"
)

// eraseFlags shorten what Cortex waits for: its compactor's round (15 minutes), and how long its mark stays (6 hours).
var eraseFlags = []string{
	"-compactor.cleanup-interval=2s", "-compactor.tenant-cleanup-delay=60s", "-blocks-storage.tsdb.ship-interval=2s",
	"-blocks-storage.tsdb.close-idle-tsdb-timeout=13h", "-blocks-storage.bucket-store.sync-interval=2s",
	"-alertmanager.sharding-enabled=true", "-alertmanager.sharding-ring.store=inmemory", "-alertmanager.persist-interval=1s",
	"-alertmanager.sharding-ring.replication-factor=1", "-alertmanager.sharding-ring.instance-addr=127.0.0.1",
}

// shop is what the erasure is about: Cortex and Loki on an S3 server, whose buckets are folders.
type shop struct {
	programs     map[string]string
	folder, s3   string
	cortex, loki string
	ports        [2]ports
	processes    []*exec.Cmd
}

func openShop(t *testing.T, programs map[string]string, folder string) *shop {
	t.Helper()
	s := &shop{programs: programs, folder: folder, ports: [2]ports{somewhere(t), somewhere(t)}}
	for _, bucket := range []string{"metrics", "logs", "rules"} {
		if err := os.MkdirAll(filepath.Join(folder, "buckets", bucket), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s3 := port(t)
	s.s3 = fmt.Sprintf("127.0.0.1:%d", s3)
	start(t, folder, "versitygw", programs["versitygw"], "--port="+s.s3, "--access=key", "--secret=secret-key", "--health=/-/ready", "--quiet",
		"posix", "--sidecar="+filepath.Dir(write(t, folder, "sidecar/none", "")), "--disable-object-lock-file", filepath.Join(folder, "buckets"))
	answers(t, "the S3 server", "http://"+s.s3+"/-/ready")
	s.open(t)
	return s
}

// open starts Cortex and Loki over what is there.
func (s *shop) open(t *testing.T) {
	t.Helper()
	var flags []string
	for prefix, bucket := range map[string]string{"blocks-storage": "metrics", "ruler-storage": "rules", "alertmanager-storage": "rules"} {
		flags = append(flags, "-"+prefix+".backend=s3")
		for name, value := range map[string]string{
			"endpoint": s.s3, "bucket-name": bucket, "access-key-id": "key", "secret-access-key": "secret-key", "insecure": "true",
			"bucket-lookup-type": "path", "region": "us-east-1",
		} {
			flags = append(flags, "-"+prefix+".s3."+name+"="+value)
		}
	}
	var cortex, loki *exec.Cmd
	s.cortex, cortex = runCortex(t, s.programs["cortex"], s.folder, s.ports[0], append(flags, eraseFlags...)...)
	bucket := func(name string) string {
		return "{bucket_name: " + name + ", endpoint: '" + s.s3 + "', region: us-east-1, insecure: true, bucket_lookup_type: path, " +
			"access_key_id: key, secret_access_key: secret-key}"
	}
	s.loki, loki = runLoki(t, s.programs["loki"], s.folder, s.cortex, s.ports[1], lokiStore{kind: "s3", chunks: "{s3: " + bucket("logs") + "}", rules: bucket("rules")},
		"-compactor.retention-enabled=true", "-compactor.delete-request-store=s3", "-compactor.delete-request-cancel-period=1s",
		"-compactor.retention-delete-delay=1s", "-compactor.compaction-interval=2s", "-tsdb.shipper.resync-interval=2s",
		// What is flushed leaves the ingester at once, with its index, instead of within half an hour.
		"-ruler-storage.storage-prefix=loki", "-ingester.wal-enabled=false", "-ingester.chunks-idle-period=5s", "-ingester.flush-check-period=1s", "-store.index-cache-validity=1s")
	s.processes = []*exec.Cmd{cortex, loki}
}

// reopen ends both as a node would, and starts them again.
func (s *shop) reopen(t *testing.T) {
	t.Helper()
	for _, p := range s.processes {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the end of "+p.Args[0], func(context.Context) error {
			if err := p.Process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
				return errors.New("it runs")
			}
			return nil
		})
	}
	s.open(t)
}

// as calls a component as a tenant, and answers what it says.
func as(t *testing.T, tenant, method, url, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Scope-OrgID", tenant)
	if strings.HasPrefix(body, "{") {
		request.Header.Set("Content-Type", "application/json")
	}
	status, text, err := do(request)
	if err != nil || status/100 != 2 {
		t.Fatalf("%s %s as %s: %d %s %v", method, url, tenant, status, text, err)
	}
	return text
}

// stock writes ten series and ten streams for each tenant, in the given part, with rules and alerting that somebody made
// by hand.
func (s *shop) stock(t *testing.T, part int) {
	t.Helper()
	now := time.Now().UnixNano()
	for _, tenant := range []string{gone, successor, neighbour} {
		var points, streams []string
		for i := range 10 {
			points = append(points, fmt.Sprintf(`{"timeUnixNano":"%d","asDouble":1,"attributes":[{"key":"n","value":{"stringValue":"%d-%d"}}]}`, now, part, i))
			streams = append(streams, fmt.Sprintf(`{"stream":{"n":"%d-%d"},"values":[["%d","a line"]]}`, part, i, now))
		}
		as(t, tenant, http.MethodPost, s.cortex+"/api/v1/otlp/v1/metrics",
			`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"stock","gauge":{"dataPoints":[`+strings.Join(points, ",")+`]}}]}]}]}`)
		as(t, tenant, http.MethodPost, s.loki+"/loki/api/v1/push", `{"streams":[`+strings.Join(streams, ",")+`]}`)
		as(t, tenant, http.MethodPost, s.cortex+"/api/v1/rules/mine", "name: a\nrules: [{record: b, expr: '1'}]\n")
		as(t, tenant, http.MethodPost, s.loki+"/loki/api/v1/rules/mine", "name: a\nrules: [{alert: b, expr: 'vector(1)>2'}]\n")
		as(t, tenant, http.MethodPost, s.cortex+"/api/v1/alerts", "alertmanager_config: |\n  route: {receiver: a}\n  receivers: [{name: a}]\n")
	}
}

func (s *shop) flush(t *testing.T) {
	t.Helper()
	as(t, gone, http.MethodPost, s.cortex+"/ingester/flush?wait=true", "")
	as(t, gone, http.MethodPost, s.loki+"/flush", "")
}

// objects counts the objects of a tenant in the buckets, by the folder in which its ID is: "metrics:" or "rules:alerts".
func (s *shop) objects(t *testing.T, tenant string) map[string]int {
	t.Helper()
	found := map[string]int{}
	root := filepath.Join(s.folder, "buckets")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it went while we looked
			}
			return err
		}
		name, _ := filepath.Rel(root, path)
		parts := strings.Split(filepath.ToSlash(name), "/")
		if i := slices.Index(parts, tenant); i > 0 {
			found[parts[0]+":"+strings.TrimRight(strings.Join(parts[1:i], "/"), "0123456789")]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// complete checks that a tenant can read all that it wrote.
func (s *shop) complete(t *testing.T, tenant string, parts int) {
	t.Helper()
	want := fmt.Sprintf(`"%d"`, 10*parts)
	for _, url := range []string{
		s.cortex + "/prometheus/api/v1/query?query=count(count_over_time(stock[1h]))",
		s.loki + "/loki/api/v1/query?query=sum(count_over_time(%7Bn=~%22.%2B%22%7D[1h]))",
	} {
		eventually(t, tenant+" reads all at "+url, func(context.Context) error {
			if text := as(t, tenant, http.MethodGet, url, ""); !strings.Contains(text, want) {
				return fmt.Errorf("it reads %s, want %s", text, want)
			}
			return nil
		})
	}
}

// TestErasure erases one tenant of three with the real components, and looks at each object of the buckets.
func TestErasure(t *testing.T) {
	programs, err := build.Ensure(t.Context(), []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "cortex", "loki", "proxy", "syncer", "versitygw",
	}, build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	s := openShop(t, programs, folder)
	s.stock(t, 1)
	s.flush(t)
	s.reopen(t) // Loki's index leaves the ingester when it ends
	s.stock(t, 2)
	// These are the places of package remnant, but for Cortex' mark, which only the tenant that goes has.
	want := []string{"logs:", "logs:index/index_", "metrics:", "rules:alertmanager", "rules:alerts", "rules:loki/rules", "rules:rules"}
	for _, tenant := range []string{gone, successor, neighbour} {
		eventually(t, tenant+" has objects everywhere", func(context.Context) error {
			if got := slices.Sorted(maps.Keys(s.objects(t, tenant))); !slices.Equal(got, want) {
				return fmt.Errorf("they are in %q", got)
			}
			return nil
		})
	}
	c := startCluster(t, programs, folder)
	c.giveRights(t)
	write(t, folder, "tenants.yaml", tenants("{name: "+gone+", id: "+successor+"}, {name: "+neighbour+"}"))
	proxy := startProxy(t, programs["proxy"], folder, c, s.cortex, s.loki)
	// One that exists is on the list by mistake.
	write(t, folder, "erase.yaml", "tenants: [{id: "+gone+", name: pay}, {id: "+neighbour+", name: payments}]\n")
	startSyncer(t, programs["syncer"], folder, c, proxy)
	c.erasure(t, gone, "state: Erasing", "series in ingesters", "requests to delete logs")
	c.erasure(t, neighbour, "state: Refused")
	began := time.Now()
	// What an hour and a day do: ingesters look for Cortex' mark when they start, too, and Loki's write their chunks out.
	s.flush(t)
	s.reopen(t)
	c.erasure(t, gone, "state: Erased")
	t.Logf("erased %.0f s after it was asked for", time.Since(began).Seconds())
	eventually(t, "the buckets hold nothing of "+gone, func(context.Context) error {
		if left := s.objects(t, gone); len(left) > 0 {
			return fmt.Errorf("left: %v", left)
		}
		return nil
	})
	for _, tenant := range []string{successor, neighbour} {
		s.complete(t, tenant, 2)
		if got := slices.Sorted(maps.Keys(s.objects(t, tenant))); !slices.Equal(got, want) {
			t.Errorf("%s has objects in %q only", tenant, got)
		}
	}
	for _, url := range []string{s.cortex + "/prometheus/api/v1/series?match[]=%7B__name__=~%22.%2B%22%7D", s.loki + "/loki/api/v1/series"} {
		if text := as(t, gone, http.MethodGet, url, ""); !strings.Contains(text, `"data":[]`) {
			t.Errorf("%s answers %s", url, text)
		}
	}
}

// erasure waits until the record of a tenant says all that is wanted.
func (c *cluster) erasure(t *testing.T, id string, want ...string) {
	t.Helper()
	// Ingesters drop a tenant that is marked in a round of five minutes, which no setting changes.
	patiently(t, 8*time.Minute, fmt.Sprintf("the record of %s says %q", id, want), func(ctx context.Context) error {
		m, err := c.CoreV1().ConfigMaps("syncer").Get(ctx, "syncer-erasures", meta.GetOptions{})
		if err != nil {
			return err
		}
		for _, text := range want {
			if !strings.Contains(strings.Join(strings.Fields(m.Data[id]), " "), text) {
				return fmt.Errorf("it says %s", m.Data[id])
			}
		}
		return nil
	})
}
