package check

import (
	"bufio"
	"encoding/json"
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/opsgen/opsgen/generator/object"
)

// unitNames are names that must be unique in a unit: what kind, and which, to the object that has it.
type unitNames map[string]string

// take reports the object that has the name already.
func (n unitNames) take(what, name string, o *object.Object) (other string, taken bool) {
	key := what + "|" + name
	if other, taken = n[key]; !taken {
		n[key] = o.ID()
	}
	return other, taken
}

// ini reads Grafana's configuration: section, key, value.
func ini(text string) map[string]map[string]string {
	sections, section := map[string]map[string]string{}, ""
	scanner := bufio.NewScanner(strings.NewReader(text))
	for scanner.Scan() {
		line := strings.TrimSpace(scanner.Text())
		switch {
		case line == "" || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = line[1 : len(line)-1]
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		if sections[section] == nil {
			sections[section] = map[string]string{}
		}
		sections[section][strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return sections
}

// grafana must not touch its plugins: it unlinks bundled ones to update them, which fails on a read-only root (G1).
func grafana(s subject, text, where string) {
	sections := ini(text)
	for _, want := range []struct{ section, key, value, why string }{
		{"plugins", "preinstall_disabled", "true", "it would install plugins from the internet at every start"},
		{"plugins", "preinstall_auto_update", "false", "it would replace bundled data sources at start, and lose them on a read-only root"},
		{"plugins", "plugin_admin_enabled", "false", "people could install plugins that the next restart removes"},
		{"analytics", "reporting_enabled", "false", "it reports to its makers"},
		{"analytics", "check_for_updates", "false", "it asks the internet for updates"},
		{"analytics", "check_for_plugin_updates", "false", "it asks the internet for updates of plugins"},
	} {
		if got := sections[want.section][want.key]; got != want.value {
			if got == "" {
				got = "not set"
			}
			s.add(ruleGrafanaPlugins, where, "Write "+want.key+" = "+want.value+" in section ["+want.section+"].",
				"[%s] %s is %s: %s", want.section, want.key, got, want.why)
		}
	}
}

// grafanaStorage finds Grafanas whose SQLite file two pods could open (G5).
func grafanaStorage(r *report, u *Unit) {
	sqlite, shared := map[string]bool{}, map[string]bool{} // names of ConfigMaps and of claims
	for i := range u.Objects {
		o := &u.Objects[i]
		switch o.GetKind() {
		case "ConfigMap":
			if config, ok := field(o.Object, "data", grafanaKey); ok {
				config, _ := config.(string)
				kind := ini(config)["database"]["type"]
				sqlite[o.GetNamespace()+"/"+o.GetName()] = kind == "" || kind == "sqlite3"
			}
		case "PersistentVolumeClaim":
			modes, _ := field(o.Object, "spec", "accessModes")
			list, _ := modes.([]any)
			shared[o.GetNamespace()+"/"+o.GetName()] = slices.Contains(list, any(string(corev1.ReadWriteMany)))
		}
	}
	if len(sqlite) == 0 {
		return
	}
	for i := range u.Objects {
		if w := workloadIn(&u.Objects[i]); w != nil && usesSQLite(w, sqlite) {
			singleDatabase(subject{r, u, &u.Objects[i]}, w, shared)
		}
	}
}

func usesSQLite(w *workload, sqlite map[string]bool) bool {
	for c := range w.containers() {
		for _, env := range c.Env {
			if env.Name == "GF_DATABASE_TYPE" && env.Value != "sqlite3" {
				return false
			}
		}
	}
	return slices.ContainsFunc(w.spec().Volumes, func(v corev1.Volume) bool {
		return v.ConfigMap != nil && sqlite[w.namespace+"/"+v.ConfigMap.Name]
	})
}

func singleDatabase(s subject, w *workload, shared map[string]bool) {
	const hint = "Or give it a database of its own ([database] type)."
	if w.replicas > 1 {
		s.add(ruleGrafanaDatabase, "spec.replicas", "Write 1. "+hint, "%d replicas would each have a SQLite database of their own", w.replicas)
	}
	if w.deployment != nil && w.deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		s.add(ruleGrafanaDatabase, "spec.strategy.type", "Write Recreate. "+hint, "a rolling update lets two pods open one SQLite database")
	}
	for _, volume := range w.spec().Volumes {
		if claim := volume.PersistentVolumeClaim; claim != nil && shared[w.namespace+"/"+claim.ClaimName] {
			s.add(ruleGrafanaDatabase, w.at("volumes"), "Use ReadWriteOnce or an emptyDir. "+hint,
				"volume %s is shared over a network, where SQLite locks fail", volume.Name)
		}
	}
}

// datasources need a uid that dashboards can rely on (G2).
func datasources(s subject, where, content string, names unitNames) {
	c, err := parseSettings(content)
	if err != nil {
		s.add(ruleConfigSyntax, where, "", "cannot be parsed: %v", err)
		return
	}
	list, _ := c.get("datasources").([]any)
	for _, entry := range list {
		source, _ := entry.(map[string]any)
		name, uid := text(source, "name"), text(source, "uid")
		if uid == "" {
			s.add(ruleDatasource, where, "Write uid, and never change it.", "data source %s has no uid, so that Grafana makes one up", name)
			continue
		}
		if other, taken := names.take("datasource", uid, s.object); taken {
			s.add(ruleDatasource, where, "Give each its own.", "data source %s has the uid %s, which another one in %s has", name, uid, other)
		}
	}
	if on(c.get("prune")) {
		s.add(ruleDatasource, where, "Leave prune out; list deleteDatasources instead.", "prune fails at start when a data source's uid has changed")
	}
}

// dashboards are one a ConfigMap: then a change is one small file, and the size limit is the dashboard's own (F8).
func dashboards(s subject, m *corev1.ConfigMap) {
	var files []string
	for _, key := range sortedKeys(m.Data) {
		if path.Ext(key) == ".json" && isDashboard(m.Data[key]) {
			files = append(files, key)
		}
	}
	if len(files) > 1 {
		s.add(ruleDashboardAlone, "data", "Make a ConfigMap for each.", "%d dashboards are in one ConfigMap: %s", len(files), strings.Join(files, ", "))
	}
}

// isDashboard tells dashboards from other JSON without reading all of it twice.
func isDashboard(text string) bool {
	return strings.Contains(text, `"panels"`) || strings.Contains(text, `"schemaVersion"`) || strings.Contains(text, "dashboard.grafana.app/")
}

// folderAnnotation is the folder that a ConfigMap's dashboard is shown in.
const folderAnnotation = "opsgen.dev/folder"

func dashboard(s subject, where, content string, names unitNames) {
	if !isDashboard(content) {
		return
	}
	board := map[string]any{}
	if err := json.Unmarshal([]byte(content), &board); err != nil {
		s.add(ruleConfigSyntax, where, "", "cannot be parsed: %v", err)
		return
	}
	version := text(board, "apiVersion")
	_, layout := field(board, "spec", "layout")
	_, elements := board["elements"]
	if layout || elements || strings.HasPrefix(version, "dashboard.grafana.app/") { // G3
		s.add(ruleDashboardFormat, where, "Export it as classic JSON (v1).", "the dashboard is in the newer format, which Grafana does not load from files")
		return
	}
	folder := s.object.GetAnnotations()[folderAnnotation]
	uid, title := text(board, "uid"), text(board, "title")
	if uid == "" || title == "" {
		s.add(ruleDashboardIdentity, where, "", "the dashboard has no uid or no title")
		return
	}
	if other, taken := names.take("dashboard", uid, s.object); taken { // G8
		s.add(ruleDashboardIdentity, where, "Give each its own.", "the uid %s is that of the dashboard in %s too", uid, other)
	}
	if other, taken := names.take("title", folder+"/"+title, s.object); taken {
		s.add(ruleDashboardIdentity, where, "Rename one, or move it to another folder.", "the title %q is that of the dashboard in %s too, in the same folder", title, other)
	}
}
