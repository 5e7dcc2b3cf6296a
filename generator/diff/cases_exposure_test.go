package diff_test

func exposureCases() map[string]dangerous {
	return map[string]dangerous{
		"a policy lets another port through": {change: edit(policy, "ports: [{port: 9095}]", "ports: [{port: 9095}, {port: 8080}]"), want: []string{
			`network-opened | Exposure: NetworkPolicy cortex/querier: ingress is opened from {"podSelector":{"matchLabels":{"app":"frontend"}}}, on port 8080.`,
		}},
		"a policy lets everybody in": {change: edit(policy, "from: [{podSelector: {matchLabels: {app: frontend}}}], ports: [{port: 9095}]", ""), want: []string{
			"network-opened | Exposure: NetworkPolicy cortex/querier: ingress is opened from everywhere, on every port.",
		}},
		"a policy lets out to the internet": {change: edit(policy, "  ingress:", "  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]\n\t\t\t  ingress:"), want: []string{
			"network-opened | Exposure: NetworkPolicy cortex/querier: egress is opened to the whole internet, on every port.",
		}},
		"a policy no longer restricts a direction": {change: edit(policy, "[Ingress, Egress]", "[Ingress]"), want: []string{
			"network-opened | Exposure: NetworkPolicy cortex/querier: it no longer restricts egress.",
		}},
		"a policy is for other pods": {change: edit(policy, "podSelector: {matchLabels: {app: querier}}", "podSelector: {matchLabels: {app: nobody}}"), want: []string{
			`network-opened | Exposure: NetworkPolicy cortex/querier: it is for other pods than before: {"matchLabels":{"app":"querier"}} → {"matchLabels":{"app":"nobody"}}.`,
		}},
		"a policy is removed": {change: without(policy), want: []string{
			"network-opened | Exposure: NetworkPolicy cortex/querier: the network policy is removed: whatever no other policy forbids may now reach its pods, or be reached by them.",
		}},
		"a policy is added to pods that were there": {
			change: with("platform/cortex/networkpolicy-extra.yaml", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: extra, namespace: cortex}\nspec: {podSelector: {}, ingress: [{}]}"),
			want:   []string{"network-opened | Exposure: NetworkPolicy cortex/extra: ingress is opened from everywhere, on every port."},
		},
		"a rule is deleted": {change: edit(searchRules, "      - {alert: TooSlow, expr: \"latency > 1\"}\n", ""), want: []string{
			"rule-deleted | Silence: tenants/search: alert TooSlow is deleted.",
		}},
		"all rules of a tenant are deleted": {change: without(searchRules), want: []string{
			"rule-deleted | Silence: tenants/search: 3 rules are deleted: alert TooMany, alert TooSlow, record job:errors:rate5m.",
		}},
	}
}
