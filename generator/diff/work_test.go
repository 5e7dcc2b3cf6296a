package diff_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/diff"
)

// crowd is the world with many more tenants, each with limits of its own and a file.
func crowd(tenants int) map[string]string {
	files := world()
	var limits, names strings.Builder
	limits.WriteString("\n\t\t\toverrides:")
	for i := range tenants {
		fmt.Fprintf(&limits, "\n\t\t\t  team-%04d: {max_global_series_per_user: 100000, ingestion_rate: 7000, ingestion_burst_size: 70000}", i)
		fmt.Fprintf(&names, ", {name: team-%04d}", i)
		files[fmt.Sprintf("tenants/team-%04d/configmap-rules.yaml", i)] = configMap(fmt.Sprintf("tenant-team-%04d", i), "rules", "a.yaml", "\n\t\t\tgroups: []")
	}
	files[cortexLimits] = configMap("cortex", "cortex-limits", "limits.yaml", limits.String())
	files[proxyTenants] = configMap("proxy", "proxy-tenants", "tenants.yaml", "\n\t\t\ttenants: [{name: payments}"+names.String()+"]")
	return files
}

// work is what comparing costs after one tenant's limit was lowered: how many files are read, and how many bytes are
// allocated.
func work(t *testing.T, tenants int) (read int, allocated float64) {
	t.Helper()
	before, after := crowd(tenants), crowd(tenants)
	edit(cortexLimits, "team-0005: {max_global_series_per_user: 100000", "team-0005: {max_global_series_per_user: 90000")(t, after)
	trees := diff.Trees{Name: "prod", Old: treeOf(before), New: treeOf(after), Now: today}
	for _, tree := range []*diff.Tree{trees.Old, trees.New} {
		from := tree.Read
		tree.Read = func(files []string) (map[string][]byte, error) {
			read += len(files)
			return from(files)
		}
	}
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	cluster, err := diff.Compare(trees, nil)
	runtime.ReadMemStats(&end)
	if err != nil || cluster == nil || len(cluster.Dangers) != 1 {
		t.Fatalf("one lowered limit gives %+v, %v", cluster, err)
	}
	return read, float64(end.TotalAlloc - start.TotalAlloc)
}

// TestOneOfManyTenantsCostsNoMoreThanReadingTheList compares after a change of one tenant: it reads no file of another one,
// and four times the tenants cost about four times the memory, where looking through all of them for each would cost
// sixteen times.
func TestOneOfManyTenantsCostsNoMoreThanReadingTheList(t *testing.T) {
	const few, many = 200, 800
	readFew, small := work(t, few)
	readMany, large := work(t, many)
	if readMany != readFew || readMany > 20 {
		t.Errorf("%d files are read of %d tenants, %d of %d", readFew, few, readMany, many)
	}
	if ratio := large / small; ratio > 6 {
		t.Errorf("%d tenants cost %.1f times what %d cost (%.0f kB, %.0f kB)", many, ratio, few, large/1000, small/1000)
	}
}
