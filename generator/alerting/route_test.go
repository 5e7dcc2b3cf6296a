package alerting_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/common/model"

	"github.com/opsgen/opsgen/generator/alerting"
)

func TestRoute(t *testing.T) {
	c := example(t)
	for name, tc := range map[string]struct {
		labels map[string]string
		want   []string
	}{
		"a page goes on":       {map[string]string{"severity": "page"}, []string{"oncall", "chat"}},
		"a page of a team":     {map[string]string{"severity": "page", "team": "db"}, []string{"oncall", "database"}},
		"a warning":            {map[string]string{"severity": "warning"}, []string{"chat"}},
		"what nobody expected": {map[string]string{"severity": "pgae"}, []string{"chat"}},
		"silence":              {map[string]string{"severity": "none"}, []string{"nobody"}},
	} {
		var got []string
		for _, r := range alerting.Route(c, tc.labels) {
			got = append(got, r.Name)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	r := alerting.Route(c, map[string]string{"severity": "warning", "team": "db"})[0]
	want := alerting.Receiver{
		Name: "database", Integrations: []string{"email"}, Path: []string{"{}", `{severity=~"page|warning"}`, `{team="db"}`}, GroupBy: []string{"..."},
		GroupWait: model.Duration(30 * time.Second), GroupInterval: model.Duration(5 * time.Minute), RepeatInterval: model.Duration(4 * time.Hour),
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	if got := c.Values("severity"); !slices.Equal(got, []string{"none", "page"}) {
		t.Errorf("severities of routes: %q", got)
	}
}

func TestSilentAtNight(t *testing.T) {
	c := example(t)
	r := alerting.Route(c, map[string]string{"severity": "warning"})[0]
	for hour, want := range map[int]bool{3: true, 12: false, 21: true} {
		silent, because := c.Silent(r, time.Date(2026, 11, 21, hour, 0, 0, 0, time.UTC))
		if silent != want || want && !slices.Equal(because, []string{"nights"}) {
			t.Errorf("at %d o'clock silent is %v because of %q", hour, silent, because)
		}
	}
}

// Alertmanager's own dispatcher is asked the same about many trees.
func TestRoutesAreThoseOfAlertmanager(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		text := "receivers: [{name: r0}, {name: r1}, {name: r2}, {name: r3}]\nroute:\n  receiver: r0\n" + children(random, 3, "  ")
		c, problems, _ := alerting.Parse(file, []byte(text), nil)
		if c == nil {
			t.Fatalf("%v\n%s", problems, text)
		}
		theirs, err := config.Load(text)
		if err != nil {
			t.Fatal(err)
		}
		tree := dispatch.NewRoute(theirs.Route, nil)
		for range 20 {
			alert := map[string]string{"a": fmt.Sprint(random.IntN(3)), "b": fmt.Sprint(random.IntN(3))}
			set := model.LabelSet{"a": model.LabelValue(alert["a"]), "b": model.LabelValue(alert["b"])}
			var want, got []string
			for _, r := range tree.Match(set) {
				o := r.RouteOpts
				by := []string{}
				for label := range o.GroupBy {
					by = append(by, string(label))
				}
				slices.Sort(by)
				if o.GroupByAll {
					by = []string{"..."}
				}
				want = append(want, fmt.Sprint(r.Key(), o.Receiver, by, o.GroupWait, o.GroupInterval, o.RepeatInterval, o.MuteTimeIntervals))
			}
			for _, r := range alerting.Route(c, alert) {
				got = append(got, fmt.Sprint(strings.Join(r.Path, "/"), r.Name, r.GroupBy, time.Duration(r.GroupWait), time.Duration(r.GroupInterval), time.Duration(r.RepeatInterval), r.Muted))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("alert %v in\n%s\n%s", alert, text, diff)
			}
		}
	}
}

func children(random *rand.Rand, depth int, indent string) string {
	n := random.IntN(4)
	if depth == 0 || n == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(indent + "routes:\n")
	for range n {
		fmt.Fprintf(&b, "%s- continue: %v\n", indent, random.IntN(2) == 0)
		in := indent + "  "
		switch random.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "%smatchers: [a=\"%d\"]\n", in, random.IntN(3))
		case 1:
			fmt.Fprintf(&b, "%smatch: {b: \"%d\"}\n", in, random.IntN(3))
		case 2:
			fmt.Fprintf(&b, "%smatch_re: {a: \"[0%d]\"}\n", in, random.IntN(3))
		}
		if random.IntN(2) == 0 {
			fmt.Fprintf(&b, "%sreceiver: r%d\n", in, random.IntN(4))
		}
		if random.IntN(3) == 0 {
			b.WriteString(in + []string{"group_by: [a]", "group_by: [b, a]", "group_by: []", "group_by: ['...']", "group_wait: 1s", "repeat_interval: 1h"}[random.IntN(6)] + "\n")
		}
		b.WriteString(children(random, depth-1, in))
	}
	return b.String()
}
