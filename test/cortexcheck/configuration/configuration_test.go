package configuration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// sound is the smallest configuration that Cortex accepts.
const sound = `
blocks_storage: {backend: s3, s3: {bucket_name: metrics, endpoint: s3.example.com}}
distributor: {shard_by_all_labels: true}
limits: {ingestion_rate: 10, max_global_series_per_user: 100}
`

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		args []string
		want string
	}{
		"sound":                {text: sound},
		"a flag of Cortex":     {text: sound, args: []string{"-target=ingester", "-config.file=/etc/cortex/cortex.yaml"}},
		"a misspelt key":       {text: sound + "ingestor: {}\n", want: "field ingestor not found"},
		"a misspelt limit":     {text: strings.Replace(sound, "ingestion_rate", "ingestion_rat", 1), want: "field ingestion_rat not found"},
		"an empty part":        {text: sound + "server:\n", want: "empty YAML node"},
		"a misspelt flag":      {text: sound, args: []string{"-ingester.zone=a"}, want: "-ingester.zone"},
		"a flag's wrong value": {text: sound, args: []string{"-ingester.instance-limits.max-series=1e6"}, want: "invalid value"},
		"a stray argument":     {text: sound, args: []string{"-target=all", "querier", "-target=querier"}, want: `"querier" is not a flag`},
		"what Validate refuses": {
			text: strings.Replace(sound, "shard_by_all_labels: true", "shard_by_all_labels: false", 1), want: "shard-by-all-labels",
		},
		"what Validate refuses of a flag": {text: sound, args: []string{"-querier.query-store-after=3h", "-querier.query-ingesters-within=2h"}, want: "query_store_after >= query_ingesters_within"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), c.args)
			expect(t, err, c.want)
		})
	}
}

func TestParseLimits(t *testing.T) {
	config, err := Parse([]byte(sound), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no file yet":             {text: ""},
		"no tenant":               {text: "overrides: {}\n"},
		"one tenant":              {text: "overrides: {payments: {ingestion_rate: 5}}\n"},
		"a misspelt limit":        {text: "overrides: {payments: {ingestion_rat: 5}}\n", want: "field ingestion_rat not found"},
		"a misspelt part":         {text: "override: {}\n", want: "field override not found"},
		"a tenant without limits": {text: "overrides: {payments: }\n", want: `"payments" are empty`},
		"a wrong unit":            {text: "overrides: {payments: {max_query_lookback: 30 days}}\n", want: `unknown unit`},
		"two documents":           {text: "overrides: {}\n---\noverrides: {}\n", want: "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseLimits([]byte(c.text), config)
			expect(t, err, c.want)
		})
	}
}

// TestDefaultsDoNotLeak guards against Cortex' global: one cluster's limits must not become the next one's defaults.
func TestDefaultsDoNotLeak(t *testing.T) {
	first, err := Parse([]byte(sound), nil)
	if err != nil {
		t.Fatal(err)
	}
	values, err := ParseLimits([]byte("overrides: {payments: {max_query_lookback: 1d}}\n"), first)
	if err != nil {
		t.Fatal(err)
	}
	own := values.TenantLimits["payments"]
	if own.IngestionRate != 10 || time.Duration(own.MaxQueryLookback) != 24*time.Hour {
		t.Errorf("the tenant has rate %v and lookback %v, want the cluster's 10 and its own 24h", own.IngestionRate, own.MaxQueryLookback)
	}
	second, err := Parse([]byte(strings.Replace(sound, "ingestion_rate: 10, ", "", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if second.LimitsConfig.IngestionRate != 25000 {
		t.Errorf("another configuration has rate %v, want Cortex' default 25000", second.LimitsConfig.IngestionRate)
	}
}

func expect(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && err == nil:
		t.Errorf("accepted, want an error with %q", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("refused with %q, want an error with %q", err, want)
	}
}

// TestTenThousandTenants: what tenants share is merged by anchors (generator/jsonnet). Cortex' library bounds how much of a
// file may come from them, against texts that are small and stand for gigabytes; ten thousand tenants are within it.
func TestTenThousandTenants(t *testing.T) {
	config, err := Parse([]byte(sound), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := `overrides:
 "null": {<<: [&k40d {compactor_blocks_retention_period: "40d", max_query_lookback: "40d"},&l10m {out_of_order_time_window: "10m"},&q2509200s {max_query_length: "2509200s"},&r67000 {ingestion_burst_size: 670000, ingestion_rate: 67000}], max_global_series_per_user: 999999}
`
	for i := range 10_000 {
		text += fmt.Sprintf(" team-%04d-k7x2q: {<<: [*k40d,*l10m,*q2509200s,*r67000], max_global_series_per_user: %d}\n", i, 1_000_000+i)
	}
	values, err := ParseLimits([]byte(text), config)
	if err != nil {
		t.Fatal(err)
	}
	if len(values.TenantLimits) != 10_001 || len(text) > 1<<20 {
		t.Errorf("%d tenants in %d bytes", len(values.TenantLimits), len(text))
	}
	for tenant, series := range map[string]int{"null": 999_999, "team-0000-k7x2q": 1_000_000, "team-9999-k7x2q": 1_009_999} {
		limits := values.TenantLimits[tenant]
		switch {
		case limits == nil:
			t.Errorf("%s has no limits", tenant)
		case limits.MaxGlobalSeriesPerUser != series, limits.IngestionRate != 67000, limits.IngestionBurstSize != 670000,
			time.Duration(limits.CompactorBlocksRetentionPeriod) != 40*24*time.Hour, time.Duration(limits.OutOfOrderTimeWindow) != 10*time.Minute,
			time.Duration(limits.MaxQueryLength) != 697*time.Hour:
			t.Errorf("%s has the limits %+v", tenant, limits)
		}
	}
}
