package price

import (
	_ "embed"
	"fmt"
	"maps"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// HoursPerMonth is what clouds calculate with: a year's hours in twelve parts.
const HoursPerMonth = 730

// Table is a dated list of prices.
type Table struct {
	// Date is the month that the prices are of ("2026-11").
	Date string `json:"date"`
	// Currency is that of all prices ("USD").
	Currency string `json:"currency"`
	// Items are the prices by "<provider>/<item>".
	Items map[string]Item `json:"items"`
}

// Item is one price.
type Item struct {
	// Unit is what the price is for: a quantity of 1.
	Unit string `json:"unit"`
	// Price is the price where Regions does not name the region.
	Price float64 `json:"price"`
	// Regions are prices by the name of a region.
	Regions map[string]float64 `json:"regions,omitempty"`
	// Source says what the price is of, and where it is from.
	Source string `json:"source"`
	// Estimate says that nobody has compared it with a bill.
	Estimate bool `json:"estimate,omitempty"`
}

//go:embed prices.yaml
var standard []byte

// Standard is the table in the repository.
func Standard() (Table, error) { return parse(standard, "prices.yaml") }

// Load is the table in the repository, with what a file says instead; no file for "".
func Load(file string) (Table, error) {
	table, err := Standard()
	if file == "" || err != nil {
		return table, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Table{}, fmt.Errorf("read prices: %w", err)
	}
	own, err := parse(text, file)
	if err != nil {
		return Table{}, err
	}
	if own.Currency != "" && own.Currency != table.Currency {
		return Table{}, fmt.Errorf("%s: prices are in %s; write them in %s, since the others are", file, own.Currency, table.Currency)
	}
	if own.Date != "" {
		table.Date = own.Date
	}
	maps.Copy(table.Items, own.Items)
	return table, nil
}

func parse(text []byte, name string) (Table, error) {
	var table Table
	if err := yaml.UnmarshalStrict(text, &table); err != nil {
		return Table{}, fmt.Errorf("%s: %w; see bootstrap/price/prices.yaml for the form", name, err)
	}
	return table, nil
}

// Cost is what a use costs a month in a region, in the table's currency. It is false for an item without a price.
func (t Table) Cost(use engine.Use, region string) (float64, bool) {
	item, known := t.Items[use.Item]
	if !known {
		return 0, false
	}
	one := item.Price
	if regional, ok := item.Regions[region]; ok {
		one = regional
	}
	return one * use.Quantity, true
}

// Sum is what several uses cost a month; unknown are the items without a price.
func (t Table) Sum(uses []engine.Use, region string) (sum float64, unknown []string) {
	for _, use := range uses {
		cost, known := t.Cost(use, region)
		if !known {
			unknown = append(unknown, use.Item)
		}
		sum += cost
	}
	return sum, unknown
}
