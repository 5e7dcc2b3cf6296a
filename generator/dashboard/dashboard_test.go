package dashboard_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/dashboard"
	"github.com/opsgen/opsgen/generator/rule"
)

// board is a dashboard with one panel.
func board(fields, panel string) string {
	return "{\n" + `"uid": "orders", "title": "Orders", "schemaVersion": 39,` + "\n" + fields + `"panels": [` + "\n" + panel + "\n]}"
}

func query(datasource, expr string) string {
	return `{"type": "timeseries", "datasource": ` + datasource + `, "targets": [{"expr": "` + strings.ReplaceAll(expr, `"`, `\"`) + `"}]}`
}

const metrics = `{"type": "prometheus", "uid": "metrics"}`

func TestTheShippedDashboardsAreGood(t *testing.T) {
	files, err := filepath.Glob("../../tenants/*/dashboards/*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, problems, warnings := dashboard.Check(file, string(text), rule.CheckPromQL, true)
		if len(problems)+len(warnings) > 0 || d.UID == "" {
			t.Errorf("%s: %v %v", file, problems, warnings)
		}
	}
}

func TestGoodDashboards(t *testing.T) {
	for name, text := range map[string]string{
		"nothing but the least":           board("", ""),
		"the default source":              board("", query("null", "up")),
		"Grafana's own source":            board("", query(`"-- Mixed --"`, "up")),
		"a variable as source":            board(`"templating": {"list": [{"name": "ds", "type": "datasource", "query": "prometheus"}]},`, query(`{"type": "prometheus", "uid": "${ds}"}`, "up")),
		"a variable as a text":            board(`"templating": {"list": [{"name": "ds", "type": "datasource", "query": "loki"}]},`, query(`"$ds"`, "up")),
		"variables of Grafana":            board("", query(metrics, `sum(rate(x{job=~"$job", a="${b:regex}"}[$__rate_interval])) by ($group)`)),
		"a variable as a number":          board("", query(metrics, `topk($n, sum by (a) (x))`)),
		"a variable as a span":            board("", query(metrics, `rate(x[$span])`)),
		"a variable as a matcher":         board("", query(metrics, `x{$filter}`)),
		"a variable as a name":            board("", query(metrics, `[[metric]]_total offset $ago`)),
		"tabs and a row of rows":          strings.ReplaceAll(board("", `{"type": "row", "panels": [`+query(metrics, "up")+`]}`), "\n", "\n\t"),
		"a query that belongs to nothing": board(`"links": [{"expr": ""}],`, ""),
	} {
		t.Run(name, func(t *testing.T) {
			if _, problems, _ := dashboard.Check("d.json", text, rule.CheckPromQL, false); len(problems) > 0 {
				t.Errorf("refused: %v\n%s", problems, text)
			}
		})
	}
}

func TestBadDashboards(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no JSON":                  {"{\n\"a\": 1,\n}", "d.json:3:1: not valid JSON"},
		"half of it":               {`{"a": [`, "d.json:1:8: not valid JSON: the text ends in the middle"},
		"two of them":              {"{}\n{}", "d.json:2:1: not valid JSON: something follows"},
		"a list":                   {"[]", "d.json:1:1: a dashboard is a JSON object"},
		"a field twice":            {`{"uid": "a", "uid": "b"}`, `d.json:1:14: not valid JSON: "uid" is written twice in one object`},
		"deeper than deep":         {strings.Repeat("[", 5000), "nested more than 100 deep"},
		"the API's answer":         {`{"meta": {}, "dashboard": {"uid": "a"}}`, "this is an answer of Grafana's API"},
		"the newer format":         {`{"apiVersion": "dashboard.grafana.app/v2beta1", "spec": {}}`, "in the newer format"},
		"shared":                   {board(`"__inputs": [{"name": "DS_PROM"}],`, ""), "exported to be shared"},
		"no uid":                   {`{"title": "x", "schemaVersion": 39}`, "d.json:1:1: the dashboard has no uid"},
		"a uid with a space":       {`{"uid": "a b", "title": "x", "schemaVersion": 39}`, `d.json:1:9: the uid "a b" is not one that Grafana takes`},
		"our uid":                  {`{"uid": "opsgen-usage", "title": "x", "schemaVersion": 39}`, "is reserved for opsgen's own"},
		"no title":                 {`{"uid": "a", "title": " ", "schemaVersion": 39}`, "has no title"},
		"no version":               {`{"uid": "a", "title": "x", "schemaVersion": "new"}`, "no schemaVersion, which is a whole number"},
		"a source by name":         {board("", query(`"Prometheus"`, "up")), `d.json:4:38: the data source is named "Prometheus"`},
		"a source that is not":     {board("", query(`{"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}`, "up")), `there is no data source with the uid "P1809F7CD0C75ACF3"`},
		"a source without uid":     {board("", query(`{"type": "prometheus"}`, "up")), "the data source has no uid"},
		"a source of another type": {board("", query(`{"type": "loki", "uid": "metrics"}`, "up")), "the data source metrics is of type prometheus"},
		"an unknown variable":      {board("", query(`"${DS_PROMETHEUS}"`, "up")), "the data source is named \"${DS_PROMETHEUS}\""},
		"a choice of nothing":      {board(`"templating": {"list": [{"name": "ds", "type": "datasource", "query": "influxdb"}]},`, ""), `data sources of type "influxdb"`},
		"a query that is none":     {board("", query(metrics, "sum(rate(x[5m])")), "d.json:4:101: the query cannot be parsed"},
		"none for any variable":    {board("", query(metrics, "sum(rate(x[$span])")), "the query cannot be parsed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, _ := dashboard.Check("d.json", test.text, rule.CheckPromQL, false)
			if len(problems) != 1 || !strings.Contains(problems.Error(), test.want) {
				t.Errorf("got %v, want %q", problems, test.want)
			}
		})
	}
}

func TestLogQLIsReadyForItsParser(t *testing.T) {
	text := board("", query(`{"type": "loki", "uid": "logs"}`, `sum(rate({app="$app"} |= "x" [$__auto]))`))
	d, problems, _ := dashboard.Check("d.json", text, rule.CheckPromQL, false)
	if len(problems) > 0 || len(d.LogQL) != 1 || d.LogQL[0].Expr != `sum(rate({app="x"} |= "x" [5m]))` || d.LogQL[0].Place.Line != 4 {
		t.Errorf("got %+v, %v", d, problems)
	}
}

func TestClashes(t *testing.T) {
	one, two := &dashboard.Dashboard{File: "a.json", UID: "x"}, &dashboard.Dashboard{File: "b.json", UID: "x"}
	if got := dashboard.Clashes([]*dashboard.Dashboard{one, nil, two}).Error(); !strings.Contains(got, `b.json: the uid "x" is that of a.json too`) {
		t.Error(got)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(board("", query(metrics, "sum(rate(x[$span]))")))
	f.Add(`{"uid": 1, "title": [], "panels": [{"datasource": [], "expr": {}}], "templating": {"list": {}}}`)
	f.Add("\xff{")
	f.Fuzz(func(t *testing.T, text string) {
		d, problems, _ := dashboard.Check("d.json", text, rule.CheckPromQL, false)
		if d == nil && len(problems) == 0 {
			t.Error("neither a dashboard nor a problem")
		}
	})
}
