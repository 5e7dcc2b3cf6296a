package network_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/check/network"
)

func policies(t *testing.T, specs ...string) []*network.Policy {
	t.Helper()
	var out []*network.Policy
	for i, text := range specs {
		p := &networkingv1.NetworkPolicy{}
		p.Namespace, p.Name = "shop", string(rune('a'+i))
		if err := yaml.UnmarshalStrict([]byte(text), &p.Spec); err != nil {
			t.Fatal(err)
		}
		policy, err := network.New(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, policy)
	}
	return out
}

var (
	web  = network.Pod{Namespace: "front", NamespaceLabels: map[string]string{"zone": "dmz"}, Labels: map[string]string{"app": "web"}}
	api  = network.Pod{Namespace: "shop", Labels: map[string]string{"app": "api"}, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}
	http = network.Port{Number: 8080, Protocol: corev1.ProtocolTCP}
)

func TestIngress(t *testing.T) {
	const deny = `{podSelector: {}, policyTypes: [Ingress, Egress]}`
	for name, test := range map[string]struct {
		specs  []string
		closed []string // by whom; nil is open
	}{
		"no policy":                {nil, nil},
		"another pod's policy":     {[]string{`{podSelector: {matchLabels: {app: db}}}`}, nil},
		"a policy about egress":    {[]string{`{podSelector: {}, policyTypes: [Egress]}`}, nil},
		"default deny":             {[]string{deny}, []string{"a"}},
		"empty types mean ingress": {[]string{`{podSelector: {}}`}, []string{"a"}},
		"everybody":                {[]string{deny, `{podSelector: {}, ingress: [{}]}`}, nil},
		"namespace by name":        {[]string{deny, `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: front}}}]}]}`}, nil},
		"namespace by label":       {[]string{deny, `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: zone, operator: In, values: [dmz]}]}}]}]}`}, nil},
		"pods of own namespace":    {[]string{deny, `{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`}, []string{"a", "b"}},
		"namespace and pod":        {[]string{deny, `{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}]}`}, []string{"a", "b"}},
		"address ranges":           {[]string{deny, `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`}, []string{"a", "b"}},
		"the port":                 {[]string{`{podSelector: {}, ingress: [{ports: [{port: 8080}]}]}`}, nil},
		"a named port":             {[]string{`{podSelector: {}, ingress: [{ports: [{port: http}]}]}`}, nil},
		"another named port":       {[]string{`{podSelector: {}, ingress: [{ports: [{port: grpc}]}]}`}, []string{"a"}},
		"a range of ports":         {[]string{`{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8100}]}]}`}, nil},
		"a range before":           {[]string{`{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8079}]}]}`}, []string{"a"}},
		"another protocol":         {[]string{`{podSelector: {}, ingress: [{ports: [{port: 8080, protocol: UDP}]}]}`}, []string{"a"}},
		"all ports of TCP":         {[]string{`{podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}`}, nil},
	} {
		got := network.Ingress(policies(t, test.specs...), web, api, http)
		if got.Allowed != (test.closed == nil) || !slices.Equal(got.Isolating, test.closed) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestEgress(t *testing.T) {
	for name, test := range map[string]struct {
		spec string
		open bool
	}{
		"a policy about ingress": {`{podSelector: {}}`, true},
		"closed":                 {`{podSelector: {}, policyTypes: [Egress]}`, false},
		"rules alone close":      {`{podSelector: {}, egress: [{ports: [{port: 1}]}]}`, false},
		"named by the target":    {`{podSelector: {}, egress: [{ports: [{port: http}], to: [{podSelector: {matchLabels: {app: api}}}]}]}`, true},
	} {
		if got := network.Egress(policies(t, test.spec), api, api, http); got.Allowed != test.open {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestOutside(t *testing.T) {
	https := network.Port{Number: 443, Protocol: corev1.ProtocolTCP}
	for name, test := range map[string]struct {
		spec      string
		any, open bool
	}{
		"no policy":     {`{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}`, true, true},
		"closed":        {`{podSelector: {}, policyTypes: [Egress]}`, false, false},
		"everything":    {`{podSelector: {}, egress: [{ports: [{port: 443}]}]}`, true, true},
		"anywhere":      {`{podSelector: {}, egress: [{ports: [{port: 443}], to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}]}]}`, true, true},
		"private only":  {`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}`, true, false},
		"pods only":     {`{podSelector: {}, egress: [{to: [{namespaceSelector: {}}]}]}`, false, false},
		"another port":  {`{podSelector: {}, egress: [{ports: [{port: 80}]}]}`, false, false},
		"metadata only": {`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 169.254.169.254/32}}]}]}`, true, false},
	} {
		p := policies(t, test.spec)
		if got := network.Outside(p, api, false, https); got.Allowed != test.any {
			t.Errorf("%s, any address: got %+v", name, got)
		}
		if got := network.Outside(p, api, true, https); got.Allowed != test.open {
			t.Errorf("%s, public: got %+v", name, got)
		}
	}
}

func TestMalformedPolicies(t *testing.T) {
	for spec, want := range map[string]string{
		`{podSelector: {matchExpressions: [{key: a, operator: Near}]}}`:       `podSelector: "Near" is not a valid label selector operator`,
		`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: x}}]}]}`:        `ingress[0].from: ipBlock: netip.ParsePrefix("x"): no '/'`,
		`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/40}}]}]}`: `egress[0].to: ipBlock: netip.ParsePrefix("10.0.0.0/40"): prefix length out of range`,
	} {
		p := &networkingv1.NetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte(spec), &p.Spec); err != nil {
			t.Fatal(err)
		}
		if _, err := network.New(p); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", spec, err, want)
		}
	}
}
