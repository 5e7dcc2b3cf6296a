package price_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/repository"
)

func TestRegionsAndOwnPrices(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("items:\n  aws/nat-gateway: {unit: hour, price: 0.5, source: contract}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := price.Load("")
	if err != nil {
		t.Fatal(err)
	}
	own, err := price.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	use := engine.Use{Item: "aws/nat-gateway", Quantity: 100}
	for name, c := range map[string]struct {
		table  price.Table
		region string
		want   float64
	}{
		"a region of its own": {table, "eu-central-1", 5.2}, "any other": {table, "us-east-1", 4.5}, "own price": {own, "eu-central-1", 50},
	} {
		if got, ok := c.table.Cost(use, c.region); !ok || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if _, unknown := table.Sum([]engine.Use{use, {Item: "aws/moon"}}, ""); len(unknown) != 1 || unknown[0] != "aws/moon" {
		t.Errorf("unknown items: %v", unknown)
	}
}

func TestWrongPricesAreRefused(t *testing.T) {
	for text, want := range map[string]string{"itms: {}": "itms", "currency: EUR": "USD"} {
		file := filepath.Join(t.TempDir(), "own.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := price.Load(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v", text, err)
		}
	}
	if _, err := price.Load("no such file"); err == nil {
		t.Error("a missing file is not noticed")
	}
}

// TestExampleCostsWhatItsTextsSay keeps the amounts within what a person would calculate by hand.
func TestExampleCostsWhatItsTextsSay(t *testing.T) {
	repo, err := repository.Load(filepath.Join("..", ".."), []string{"example-aws"})
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := render.Sizes(repo)
	if err != nil {
		t.Fatal(err)
	}
	a := price.Measure(repo.Clusters[0].Cluster, sizes[0])
	// 5M series every 30 s for 90 days at 2 bytes; 500 GB a day for 30 days, a fifth of that in chunks.
	for name, pair := range map[string][2]float64{"metrics": {a.MetricsGB, 2722}, "logs": {a.LogsGB, 3000}} {
		if math.Abs(pair[0]-pair[1]) > pair[1]/100 {
			t.Errorf("%s hold %.0f GB, want %.0f", name, pair[0], pair[1])
		}
	}
	table, err := price.Standard()
	if err != nil {
		t.Fatal(err)
	}
	for _, uses := range [][]engine.Use{a.Storage("aws", "metrics"), a.Storage("gcp", "logs"), a.Storage("aws", "rules"), a.LoadBalancer("aws"), a.LoadBalancer("gcp")} {
		if sum, unknown := table.Sum(uses, ""); len(unknown) > 0 || sum <= 0 {
			t.Errorf("%v costs %v, unknown %v", uses, sum, unknown)
		}
	}
}
