package importer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/dashboard"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/rule"
	"github.com/opsgen/opsgen/generator/tenant"
)

// isDashboard says that an object is a dashboard, or has one in it.
func isDashboard(o map[string]any) bool {
	if inner, ok := o["dashboard"].(map[string]any); ok {
		o = inner
	}
	_, panels := o["panels"].([]any)
	_, title := o["title"].(string)
	_, version := o["schemaVersion"]
	return title && (panels || version)
}

// folderOf is the folder that a dashboard's file is in, as Grafana's folder: the last one, where there is any.
func folderOf(file string) string {
	folder := path.Base(path.Dir(file))
	if folder == "." || folder == "/" || strings.EqualFold(folder, tenant.DashboardsFolder) {
		return ""
	}
	return folder
}

// dashboard takes a dashboard. Its data sources become those that every tenant has.
func (r *reader) dashboard(from, name, folder, text string, o map[string]any) {
	board, notes := o, []string{}
	if inner, ok := o["dashboard"].(map[string]any); ok && o["panels"] == nil {
		board, notes = inner, append(notes, "without what Grafana's API puts around it")
	}
	sources := variables{inputs: sharedInputs(board), own: ownVariables(board)}
	changed := len(notes) > 0
	if _, there := board["__inputs"]; there {
		delete(board, "__inputs")
		changed = true
	}
	if n := adapt(board, sources, 0); n > 0 {
		notes, changed = append(notes, "data sources changed in "+progress.Count(n, "place")), true
	}
	if uid, _ := board["uid"].(string); uid == "" || len(uid) > 40 {
		board["uid"] = uidFor(name)
		notes, changed = append(notes, "with a uid"), true
	}
	if id := board["id"]; id != nil {
		board["id"], changed = nil, true
	}
	if changed {
		written, err := json.MarshalIndent(board, "", "  ")
		if err != nil {
			r.leave(from, "it cannot be written: %v", err)
			return
		}
		text = string(written) + "\n"
	}
	if _, problems, _ := dashboard.Check(from, text, rule.CheckPromQL, false); len(problems) > 0 {
		r.leave(from, "%s", problems[0].Message)
		return
	}
	to := path.Join(tenant.DashboardsFolder, fileName(name)+".json")
	if folder != "" && fileName(folder) != dashboard.Reserved {
		to = path.Join(tenant.DashboardsFolder, fileName(folder), fileName(name)+".json")
	}
	r.take(from, to, text, strings.Join(append([]string{"dashboard"}, notes...), ", "))
}

// sharedInputs are the types of data sources by the variables of a dashboard that was exported to be shared.
func sharedInputs(board map[string]any) map[string]string {
	types := map[string]string{}
	list, _ := board["__inputs"].([]any)
	for _, entry := range list {
		input, _ := entry.(map[string]any)
		name, _ := input["name"].(string)
		types[name], _ = input["pluginId"].(string)
	}
	return types
}

// variables are what a dashboard may write in place of a data source: types by the names of its inputs, and the names of
// variables that it has itself.
type variables struct {
	inputs map[string]string
	own    map[string]bool
}

// ownVariables are the names of the variables that readers of a dashboard choose.
func ownVariables(board map[string]any) map[string]bool {
	names := map[string]bool{}
	templating, _ := board["templating"].(map[string]any)
	list, _ := templating["list"].([]any)
	for _, entry := range list {
		variable, _ := entry.(map[string]any)
		if name, ok := variable["name"].(string); ok {
			names[name] = true
		}
	}
	return names
}

// uids are the data sources that every tenant has, by type.
func uids() map[string]string {
	return map[string]string{"prometheus": "metrics", "loki": "logs", "alertmanager": "alerts"}
}

// adapt makes the data sources of a dashboard those that every tenant has, and counts the places.
func adapt(value any, sources variables, depth int) int {
	changes := 0
	if depth > 100 {
		return 0
	}
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			changes += adapt(item, sources, depth+1)
		}
	case map[string]any:
		if better, ok := ownSource(v["datasource"], sources); ok {
			v["datasource"] = better
			changes++
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key != "datasource" {
				changes += adapt(v[key], sources, depth+1)
			}
		}
	}
	return changes
}

// ownSource is the tenant's data source for one of another Grafana, where it can be told which.
func ownSource(value any, sources variables) (any, bool) {
	kind, uid := "", ""
	switch v := value.(type) {
	case string:
		uid = v
		for _, known := range []string{"prometheus", "loki", "alertmanager"} {
			if strings.Contains(strings.ToLower(v), known) && !strings.HasPrefix(v, "$") {
				kind = known
			}
		}
	case map[string]any:
		kind, _ = v["type"].(string)
		uid, _ = v["uid"].(string)
	}
	if name := strings.Trim(uid, "${}"); name != uid {
		if sources.own[name] {
			return nil, false
		}
		if shared := sources.inputs[name]; shared != "" { // otherwise the inputs were cut off, and the type beside it tells
			kind = shared
		}
	}
	ours := uids()[kind]
	if ours == "" || ours == uid {
		return nil, false
	}
	return map[string]any{"type": kind, "uid": ours}, true
}

// uidFor is a uid that is the same at each import.
func uidFor(name string) string {
	plain := strings.ReplaceAll(fileName(name), ".", "-")
	if len(plain) > 31 {
		plain = plain[:31]
	}
	return plain + "-" + fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:6]
}
