package alertmanager_test

import (
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/syncer/alertmanager"
)

func TestNoMessageHoldsASecret(t *testing.T) {
	const value = `p"ss\wörd-0123456789-abcdef`
	secrets := alertmanager.Secrets{
		{Name: "a", Key: "b"}:   value,
		{Name: "url", Key: "u"}: "https://hooks.example.com/very/secret/path\n",
		{Name: "pin", Key: "p"}: "123",
	}
	for name, test := range map[string]struct{ message, want string }{
		"nothing secret":          {"line 3: field x not found", "line 3: field x not found"},
		"the value":               {"bad: " + value, "bad: ${secret:a/b}"},
		"quoted as Go does":       {`parse "p\"ss\\wörd-0123456789-abcdef": bad`, `parse "${secret:a/b}": bad`},
		"with dots, as YAML does": {"cannot unmarshal !!str `https:/...` into int", "cannot unmarshal !!str `${secret:url/u}` into int"},
		"without the line break":  {`scheme of "https://hooks.example.com/very/secret/path"`, `scheme of "${secret:url/u}"`},
		"a part of it":            {"near 23456789-abc of the text", "is not shown"},
		"the host of a URL":       {"dial hooks.example.com", "is not shown"},
		"a short one":             {"line 123", "line 123"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := secrets.Redact(test.message); !strings.Contains(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestExpandAnswersWhatItUsed(t *testing.T) {
	text, used, err := alertmanager.Expand("# ${secret:in-a/comment}\na: ${secret:x/y}\nb: x${secret:x/y}\n", func(name, key string) (string, error) {
		return name + key + "\"\nc: d", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(used) != 1 || used[alerting.Reference{Name: "x", Key: "y"}] == "" {
		t.Errorf("it used %d secrets", len(used))
	}
	if strings.Contains(text, "\nc: d") {
		t.Errorf("a secret added a key:\n%s", text)
	}
}
