package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/opsgen/opsgen/test/bed"
)

// certificates are kinds that cert-manager, which does not run, would make ready.
var certificates = []schema.GroupVersionResource{
	{Group: "cert-manager.io", Version: "v1", Resource: "certificates"},
	{Group: "cert-manager.io", Version: "v1", Resource: "clusterissuers"},
	{Group: "cert-manager.io", Version: "v1", Resource: "issuers"},
}

// play does until ctx ends what nobody else does on fake nodes: it says that certificates and issuers are ready, gives
// webhooks an authority, and gives claims of a cloud's storage class a volume in the zone where their pod was placed. (The
// bed itself gives load balancers addresses, and kwok plays pods.) There is no certificate in any Secret, nobody answers a
// webhook, and no volume has any bytes.
func play(ctx context.Context, client kubernetes.Interface, objects dynamic.Interface, authority []byte) {
	go func() {
		for {
			if err := errors.Join(certify(ctx, objects), inject(ctx, client, authority), provide(ctx, client)); err != nil && ctx.Err() == nil {
				slog.Info("what is played on fake nodes is tried again", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
}

func certify(ctx context.Context, objects dynamic.Interface) error {
	for _, kind := range certificates {
		list, err := objects.Resource(kind).List(ctx, meta.ListOptions{})
		if apierrors.IsNotFound(err) {
			continue // Its definition is still to come.
		}
		if err != nil {
			return fmt.Errorf("listing %s: %w", kind.Resource, err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			if certified(o) {
				continue
			}
			condition := meta.Condition{
				Type: "Ready", Status: meta.ConditionTrue, Reason: "Played", Message: "nobody made it: these nodes run nothing",
				ObservedGeneration: o.GetGeneration(), LastTransitionTime: meta.Now(),
			}
			patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []meta.Condition{condition}}})
			if err != nil {
				return fmt.Errorf("encoding a condition: %w", err)
			}
			if _, err := objects.Resource(kind).Namespace(o.GetNamespace()).Patch(ctx, o.GetName(), types.MergePatchType, patch,
				meta.PatchOptions{}, "status"); err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("saying that %s %s is ready: %w", kind.Resource, o.GetName(), err)
			}
		}
	}
	return nil
}

func certified(o *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil || len(conditions) == 0 {
		return false
	}
	condition, ok := conditions[0].(map[string]any)
	return ok && condition["observedGeneration"] == o.GetGeneration()
}

// inject gives each webhook that has none an authority, as cert-manager's injector does.
func inject(ctx context.Context, client kubernetes.Interface, authority []byte) error {
	validating := client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	list, err := validating.List(ctx, meta.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing webhooks: %w", err)
	}
	for _, c := range list.Items {
		var patches []map[string]any
		for i, w := range c.Webhooks {
			if len(w.ClientConfig.CABundle) == 0 {
				patches = append(patches, map[string]any{
					"op": "add", "path": fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), "value": authority,
				})
			}
		}
		if len(patches) == 0 {
			continue
		}
		patch, err := json.Marshal(patches)
		if err != nil {
			return fmt.Errorf("encoding an authority: %w", err)
		}
		if _, err := validating.Patch(ctx, c.Name, types.JSONPatchType, patch, meta.PatchOptions{FieldManager: "cainjector"}); err != nil {
			return fmt.Errorf("giving %s an authority: %w", c.Name, err)
		}
	}
	return nil
}

// provide makes a volume for each claim that the scheduler placed, as a cloud's driver does.
func provide(ctx context.Context, client kubernetes.Interface) error {
	claims, err := client.CoreV1().PersistentVolumeClaims("").List(ctx, meta.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing claims: %w", err)
	}
	for i := range claims.Items {
		c := &claims.Items[i]
		place := c.Annotations["volume.kubernetes.io/selected-node"]
		if c.Spec.VolumeName != "" || place == "" || c.Spec.StorageClassName == nil || *c.Spec.StorageClassName == bed.StorageClass {
			continue
		}
		n, err := client.CoreV1().Nodes().Get(ctx, place, meta.GetOptions{})
		if err != nil {
			return fmt.Errorf("looking for the node of a claim: %w", err)
		}
		_, err = client.CoreV1().PersistentVolumes().Create(ctx, volume(c, n.Labels[core.LabelTopologyZone]), meta.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making a volume: %w", err)
		}
	}
	return nil
}

// volume is a disk of a cloud: it can be used in its zone alone.
func volume(c *core.PersistentVolumeClaim, zone string) *core.PersistentVolume {
	name := "pvc-" + string(c.UID)
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: c.Spec.Resources.Requests[core.ResourceStorage]},
			AccessModes:                   c.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimRetain,
			StorageClassName:              *c.Spec.StorageClassName,
			VolumeMode:                    c.Spec.VolumeMode,
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: c.Namespace, Name: c.Name, UID: c.UID,
			},
			// Nobody mounts it: any source will do whose place can be told.
			PersistentVolumeSource: core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: "/" + name}},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{
					Key: core.LabelTopologyZone, Operator: core.NodeSelectorOpIn, Values: []string{zone},
				}},
			}}}},
		},
	}
}
