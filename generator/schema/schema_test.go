package schema_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/schema"
)

var update = flag.Bool("update", false, "write the published schemas and references anew")

// TestPublished fails when docs/ does not say what the types say: editors would then complete what is refused.
func TestPublished(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	for _, name := range schema.Names() {
		for file, write := range map[string]func(string) ([]byte, error){
			filepath.Join(docs, "schemas", name+".json"): schema.JSON, filepath.Join(docs, "reference", name+".md"): schema.Markdown,
		} {
			want, err := write(name)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(file)
			if err != nil || string(got) != string(want) {
				t.Errorf("%s is not what the types say; run go test ./generator/schema -update (%v)", file, err)
			}
		}
	}
}

// TestEveryFieldIsDescribed keeps the reference complete.
func TestEveryFieldIsDescribed(t *testing.T) {
	for _, name := range schema.Names() {
		text, err := schema.Markdown(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(line, "| `") && strings.HasSuffix(line, "|  |") {
				t.Errorf("%s: no comment on the field in %q", name, line)
			}
		}
	}
}

func TestUnknownSchemaNamesTheKnown(t *testing.T) {
	if _, err := schema.JSON("clusters"); err == nil || !strings.Contains(err.Error(), "cluster, component, tenant, versions") {
		t.Errorf("got %v", err)
	}
}
