package tenant

// Files are the files beside tenant.yaml by their paths below their folder, as text. A nil map is a folder that is not
// there.
type Files struct {
	// Rules are Prometheus rule files, those of rules/ ("latency.yaml").
	Rules map[string]string `json:"rules,omitempty"`
	// LogRules are LogQL rule files, those of rules/logs/ ("errors.yaml").
	LogRules map[string]string `json:"logRules,omitempty"`
	// RuleTests are promtool's unit tests of rules, those of rules/tests/. They never leave Git, so that bases do not see
	// them.
	RuleTests map[string]string `json:"-"`
	// Alertmanager is alertmanager.yaml; empty when the tenant has none.
	Alertmanager string `json:"alertmanager,omitempty"`
	// Templates are notification templates, those of templates/ ("slack.tmpl").
	Templates map[string]string `json:"templates,omitempty"`
	// Dashboards are Grafana dashboards, those of dashboards/ ("cpu.json"); a folder there is a folder in Grafana
	// ("network/dns.json").
	Dashboards map[string]string `json:"dashboards,omitempty"`
}

// ByPath are all files by their path below the tenant's folder ("rules/latency.yaml").
func (f Files) ByPath() map[string]string {
	all := map[string]string{}
	for prefix, files := range map[string]map[string]string{
		RulesFolder: f.Rules, LogRulesFolder: f.LogRules, RuleTestsFolder: f.RuleTests, TemplatesFolder: f.Templates, DashboardsFolder: f.Dashboards,
	} {
		for name, text := range files {
			all[prefix+"/"+name] = text
		}
	}
	if f.Alertmanager != "" {
		all[AlertmanagerFile] = f.Alertmanager
	}
	return all
}

// Places of the files below a tenant's folder.
const (
	// FileName is the tenant's own description.
	FileName = "tenant.yaml"
	// RulesFolder holds Prometheus rule files (*.yaml).
	RulesFolder = "rules"
	// LogRulesFolder holds LogQL rule files (*.yaml).
	LogRulesFolder = "rules/logs"
	// RuleTestsFolder holds promtool's unit tests of the files in RulesFolder (*.yaml).
	RuleTestsFolder = "rules/tests"
	// AlertmanagerFile is the tenant's Alertmanager configuration.
	AlertmanagerFile = "alertmanager.yaml"
	// TemplatesFolder holds notification templates (*.tmpl).
	TemplatesFolder = "templates"
	// DashboardsFolder holds Grafana dashboards (*.json).
	DashboardsFolder = "dashboards"
)

// Bounds of the files of one tenant. A ConfigMap holds at most 1 MiB, and each rule file and each dashboard is one.
const (
	// MaxFile is the most bytes of one file, and of alertmanager.yaml with its templates; a dashboard's are counted
	// without its spaces and line breaks.
	MaxFile = 900 << 10
	// MaxFiles is the most files of one kind.
	MaxFiles = 200
	// MaxTotal is the most bytes of all files of a tenant, tests included.
	MaxTotal = 16 << 20
)
