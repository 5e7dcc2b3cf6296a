package check_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/opsgen/opsgen/generator/check"
	"github.com/opsgen/opsgen/generator/object"
)

func TestFindingReadsLikeASentence(t *testing.T) {
	f := check.Finding{
		Rule: "image-tag", Unit: "platform/x", File: "platform/x/deployment-x.yaml", Origin: "bases/x/main.jsonnet",
		Path: "spec.image", Message: "image x has no tag", Hint: "Write one.",
	}
	want := "error: platform/x/deployment-x.yaml: spec.image: image x has no tag (image-tag), from bases/x/main.jsonnet. Write one."
	if f.String() != want {
		t.Errorf("got  %s\nwant %s", f, want)
	}
	f.Severity, f.Waiver, f.Path = check.Waived, "it must", ""
	want = "waived: platform/x/deployment-x.yaml: image x has no tag (image-tag), from bases/x/main.jsonnet; it must"
	if f.String() != want {
		t.Errorf("got  %s\nwant %s", f, want)
	}
	text, err := json.Marshal(f)
	var again check.Finding
	if err := json.Unmarshal(text, &again); err != nil || again != f {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if err := json.Unmarshal([]byte(`{"severity": "bad"}`), &again); err == nil {
		t.Error("an unknown severity is read")
	}
	if err != nil || !strings.Contains(string(text), `"severity":"waived"`) || !strings.Contains(string(text), `"waiver":"it must"`) {
		t.Errorf("got %s, %v", text, err)
	}
}

// What is waived stays visible, in units and across them.
func TestWaivedFindingsAreListed(t *testing.T) {
	for _, test := range []struct{ unit, old, new, rule, mark string }{
		{
			"platform/cortex", "readOnlyRootFilesystem: true, ", "", "read-only-root",
			"waived: platform/cortex/deployment-distributor.yaml: spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem: container distributor can write to its root file system (read-only-root); the chart writes: anywhere",
		},
		{
			"platform/cortex", "allowPrivilegeEscalation: false, ", "", "pod-security",
			`waived: platform/cortex/deployment-distributor.yaml: spec.template.spec.securityContext: allowPrivilegeEscalation != false: container "distributor" must set securityContext.allowPrivilegeEscalation=false (Pod Security level restricted of namespace cortex) (pod-security); the chart writes: anywhere`,
		},
	} {
		w := readWorld(t)
		w.apply(t, test.unit, test.old, test.new)
		w.apply(t, test.unit, "annotations: {", `annotations: {opsgen.dev/waive: "`+test.rule+`: the chart writes: anywhere", `)
		if got := w.findings(t, "1.35"); len(got) != 1 || got[0] != test.mark {
			t.Errorf("%s: got %s", test.rule, strings.Join(got, "\n"))
		}
	}
}

func TestPrivilegesOfTheNamespaceDecide(t *testing.T) {
	w := readWorld(t)
	w.apply(t, "platform/proxy", "      volumes: [", "      volumes: [{name: host, hostPath: {path: /}}, ")
	w.apply(t, "crds/namespaces", "{name: proxy, labels: {pod-security.kubernetes.io/enforce: restricted", "{name: proxy, labels: {pod-security.kubernetes.io/enforce: privileged")
	if got := w.findings(t, "1.35"); len(got) != 0 {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}

// A Secret that SOPS encrypted is no Secret yet, and one that its Kustomization decrypts is as good as any.
func TestEncryptedSecretIsAccepted(t *testing.T) {
	w := readWorld(t)
	w.apply(t, "platform/proxy", "", "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: proxy}\ndata: {key: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: x}")
	w.apply(t, "cluster/root", "path: ./clusters/prod/rendered/platform/proxy", "decryption: {provider: sops}, path: ./clusters/prod/rendered/platform/proxy")
	if got := w.findings(t, "1.35"); len(got) != 0 {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}

// What exists by promise or is made at run time may be referred to.
func TestMakersOfSecrets(t *testing.T) {
	for _, maker := range []string{"annotation", "unit"} {
		w := readWorld(t)
		w.apply(t, "platform/proxy", "secretName: proxy-tls", "secretName: made")
		if maker == "annotation" {
			w.apply(t, "platform/loki", "annotations: {", `annotations: {opsgen.dev/makes: "Secret/x/y Secret/proxy/made", `)
			if got := w.findings(t, "1.35"); len(got) != 0 {
				t.Errorf("got %s", strings.Join(got, "\n"))
			}
			continue
		}
		platform, _ := w.units(t)
		checker, err := check.New(definitions(platform))
		if err != nil {
			t.Fatal(err)
		}
		for i := range platform {
			platform[i].External = []string{"Secret/proxy/made"}
		}
		if _, got := checker.Platform(platform, promised...); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	}
}

func TestDefinitionThatIsNoneIsRefused(t *testing.T) {
	broken := object.New(map[string]any{"kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "x"}, "spec": "no"}, "crd.yaml")
	if _, err := check.New([]object.Object{broken}); err == nil || !strings.HasPrefix(err.Error(), "prepare the checks: read CustomResourceDefinition x from crd.yaml: ") {
		t.Errorf("got %v", err)
	}
}

// Units and tenants are checked in parallel, by one Checker and one Index.
func TestConcurrentUse(t *testing.T) {
	w := readWorld(t)
	platform, tenants := w.units(t)
	checker, err := check.New(definitions(platform))
	if err != nil {
		t.Fatal(err)
	}
	index, _ := checker.Platform(platform, promised...)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for _, u := range platform {
				if found := checker.Unit(u, "1.35"); len(found) > 0 {
					t.Errorf("%s: %v", u.Name, found)
				}
			}
			if found := index.Tenant(tenants...); len(found) > 0 {
				t.Error(found)
			}
		})
	}
	wait.Wait()
}

// Tenants are checked one by one: a thousand others must not make one dearer.
func BenchmarkTenant(b *testing.B) {
	for _, others := range []int{0, 500} {
		b.Run(fmt.Sprintf("beside-%d", others), func(b *testing.B) {
			w := readWorld(b)
			shard := w["cluster/tenants-0"]
			for i := range others {
				w["cluster/tenants-0"] += "---\n" + strings.ReplaceAll(shard, "ann", fmt.Sprintf("t%d", i))
			}
			platform, tenants := w.units(b)
			checker, err := check.New(definitions(platform))
			if err != nil {
				b.Fatal(err)
			}
			index, _ := checker.Platform(platform, promised...)
			for b.Loop() {
				if found := index.Tenant(tenants...); len(found) > 0 {
					b.Fatal(found)
				}
			}
		})
	}
}

func BenchmarkUnit(b *testing.B) {
	platform, _ := readWorld(b).units(b)
	checker, err := check.New(definitions(platform))
	if err != nil {
		b.Fatal(err)
	}
	big := check.Unit{Layer: "platform", Name: "big"}
	for len(big.Objects) < 400 {
		for _, u := range platform {
			big.Objects = append(big.Objects, u.Objects...)
		}
	}
	for b.Loop() {
		checker.Unit(big, "1.35")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(big.Objects)), "µs/object")
}

// Whatever a base makes, the checks answer and do not break.
func FuzzUnit(f *testing.F) {
	w := readWorld(f)
	for _, key := range sortedKeys(w) {
		for _, o := range parse(f, w[key]) {
			text, err := json.Marshal(o.Object)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	platform, _ := w.units(f)
	checker, err := check.New(definitions(platform))
	if err != nil {
		f.Fatal(err)
	}
	index, _ := checker.Platform(platform)
	f.Fuzz(func(t *testing.T, text []byte) {
		content := map[string]any{}
		if json.Unmarshal(text, &content) != nil {
			return // not an object
		}
		u := check.Unit{Layer: "platform", Name: "fuzz", Tenant: "fuzz", Objects: []object.Object{object.New(content, "fuzz")}}
		checker.Unit(u, "1.35")
		checker.Platform([]check.Unit{u})
		index.Tenant(u)
		_, _ = check.New(u.Objects) // a broken definition is refused
	})
}
