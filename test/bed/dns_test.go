package bed

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/fork"
)

// TestTheRenderedExternalDNSMakesRecords runs what is rendered for a cloud as it is: its flags, rights, probes and policy.
func TestTheRenderedExternalDNSMakesRecords(t *testing.T) {
	t.Parallel()
	folder, err := build.Folder("")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := build.Ensure(t.Context(), []string{"opsgen"}, build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, "restricted")
	f, err := fork.New(p.ctx, filepath.Dir(folder), t.TempDir(), "nowhere", programs["opsgen"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Run(p.ctx, "render", "example-aws"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"external-dns", "proxy"} {
		if _, err := p.client.CoreV1().Namespaces().Create(p.ctx, &core.Namespace{ObjectMeta: meta.ObjectMeta{
			Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
		}}, meta.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	rendered := filepath.Join(f.Dir, "clusters", "example-aws", "rendered", "controllers", "external-dns")
	if out, err := p.administer("apply", "--server-side", "--kustomize", rendered); err != nil {
		t.Fatal(err, out)
	}
	if _, err := p.client.CoreV1().Services("proxy").Create(p.ctx, &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: "front", Annotations: map[string]string{
			"external-dns.kubernetes.io/hostname": "obs-aws.example.com,*.obs-aws.example.com,other.example.org",
		}},
		Spec: core.ServiceSpec{Type: core.ServiceTypeLoadBalancer, Ports: []core.ServicePort{{Port: 443, TargetPort: intstr.FromInt32(8443)}}},
	}, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p.await("external-dns", func(ctx context.Context) error {
		d, err := p.client.AppsV1().Deployments("external-dns").Get(ctx, "external-dns", meta.GetOptions{})
		if err != nil {
			return err
		}
		if d.Status.AvailableReplicas != 1 {
			return fmt.Errorf("its status is %+v", d.Status)
		}
		return nil
	})
	var said string
	p.await("the records", func(context.Context) error {
		out, err := p.administer("logs", "--namespace=external-dns", "deployment/external-dns")
		if err != nil {
			return err
		}
		said = out
		for _, record := range []string{"CREATE: obs-aws.example.com 0 IN A", "CREATE: *.obs-aws.example.com 0 IN A", "external-dns/owner=example-aws"} {
			if !strings.Contains(out, record) {
				return fmt.Errorf("no %q in %s", record, out)
			}
		}
		return nil
	})
	if strings.Contains(said, "CREATE: other.example.org") {
		t.Errorf("a name outside its domain got a record: %s", said)
	}
}
