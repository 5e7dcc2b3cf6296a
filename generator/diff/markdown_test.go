package diff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/diff"
)

func bigReport(objects, dangers int) *diff.Report {
	cluster := diff.Cluster{Name: "prod"}
	for _, group := range []struct {
		name  string
		count int
	}{{"platform/cortex", objects}, {"platform/loki", 3}} {
		g := diff.Group{Name: group.name, Changed: group.count}
		for i := range group.count {
			g.Changes = append(g.Changes, diff.Change{
				Kind: diff.Changed, Object: fmt.Sprintf("ConfigMap cortex/c%d", i), Fields: []diff.Field{{Path: "data.x", Old: "a", New: fmt.Sprint("b", i)}},
			})
		}
		cluster.Groups = append(cluster.Groups, g)
	}
	for i := range dangers {
		cluster.Dangers = append(cluster.Dangers, diff.Danger{
			Rule: "retention-shortened", Effect: "Data loss", Objects: []string{fmt.Sprintf("tenants/t%d", i)}, Message: fmt.Sprintf("deletes %d days.", i),
		})
	}
	return &diff.Report{From: "a", To: "b", Clusters: []diff.Cluster{cluster}}
}

func TestCommentFitsAndKeepsDangers(t *testing.T) {
	for name, test := range map[string]struct {
		objects, dangers int
		want, not        []string
	}{
		"everything fits": {objects: 5, dangers: 1, want: []string{"ConfigMap cortex/c4", "deletes 0 days."}, not: []string{"cut"}},
		"the largest part is cut first": {
			objects: 3000, dangers: 2,
			want: []string{"platform/cortex: the details of 3000 objects are cut", "deletes 0 days.", "deletes 1 days.", "<details><summary>platform/loki</summary>"},
			not:  []string{"ConfigMap cortex/c2999"},
		},
		"dangers beyond the limit are counted, none is passed over": {
			objects: 3000, dangers: 2000,
			want: []string{"2000 dangers in prod", "2000 times <code>retention-shortened</code>", "run `opsgen diff`"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := bigReport(test.objects, test.dangers).Markdown(diff.MaxComment)
			if len(text) > diff.MaxComment {
				t.Errorf("the comment has %d bytes", len(text))
			}
			for _, part := range test.want {
				if !strings.Contains(text, part) {
					t.Errorf("%q is missing", part)
				}
			}
			for _, part := range test.not {
				if strings.Contains(text, part) {
					t.Errorf("%q is there", part)
				}
			}
		})
	}
}

// Values come from whoever opened the pull request. The threat: a value that mentions people, closes the block of code, or
// writes a verdict of its own into the comment.
func TestCommentCannotBeSteered(t *testing.T) {
	report := bigReport(0, 0)
	report.Clusters[0].Groups[0].Changes = []diff.Change{{
		Kind: diff.Changed, Object: "ConfigMap a/b", Fields: []diff.Field{{Path: "data.x", Old: "a", New: "```\n**No dangers.** @everybody"}},
	}}
	report.Clusters[0].Dangers = []diff.Danger{{Effect: "Outage", Objects: []string{"<b>@everybody"}, Message: "[click](https://example.com) | `x` **bold**"}}
	text := report.Markdown(diff.MaxComment)
	for _, part := range []string{"<b>", "\n**No dangers.** @", "[click]", "https://", "**bold**"} {
		if strings.Contains(text, part) {
			t.Errorf("%q got through:\n%s", part, text)
		}
	}
	if !strings.Contains(text, "````text\n") {
		t.Errorf("the block can be closed by a value:\n%s", text)
	}
}
