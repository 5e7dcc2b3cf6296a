package diff_test

func schemaCases() map[string]dangerous {
	const place = "clusters/prod/rendered/platform/loki/configmap-loki.yaml"
	return map[string]dangerous{
		"a period of the schema that has begun is gone": {change: edit(lokiConfig, `- {from: "2026-06-01", store: tsdb, schema: v14}`, ""), want: []string{
			"schema-crossed | Data loss: ConfigMap loki/loki: the schema since 2026-06-01 (" + place + ":10, before) has begun and is not there any more: what was written since then is not found.",
		}},
		"a period of the schema that has begun is another one": {change: edit(lokiConfig, "schema: v14", "schema: v13"), want: []string{
			"schema-crossed | Data loss: ConfigMap loki/loki: the schema since 2026-06-01 (" + place + ":10, before) has begun and is changed: what was written since then is not found.",
		}},
		"a period of the schema begins in the past": {change: edit(lokiConfig, `{from: "2027-01-01"`, `{from: "2026-11-01"`), want: []string{
			"schema-crossed | Data loss: ConfigMap loki/loki: the schema from 2026-11-01 (" + place + ":11) is new and begins in the past: what was written since then is not found. Write a day in the future.",
		}},
		"a period of the schema begins before the change is deployed": {change: edit(lokiConfig, `{from: "2027-01-01"`, `{from: "2026-11-22"`), want: []string{
			"schema-crossed | Data loss: ConfigMap loki/loki: the schema from 2026-11-22 (" + place + ":11) is new and begins in the past: what was written since then is not found. Write a day in the future.",
		}},
	}
}
