package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opsgen/opsgen/test/node"
)

const (
	// StorageClass is the cluster's default class: folders of the node where the pod was placed. Kubelet gives a
	// `local` volume to the pod's fsGroup, which it does not do for a hostPath.
	StorageClass = "standard"
	provisioner  = "opsgen.dev/bed"
	selectedNode = "volume.kubernetes.io/selected-node"
)

func storageClass() *storage.StorageClass {
	wait, remove := storage.VolumeBindingWaitForFirstConsumer, core.PersistentVolumeReclaimDelete
	return &storage.StorageClass{
		ObjectMeta: meta.ObjectMeta{
			Name: StorageClass, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner: provisioner, VolumeBindingMode: &wait, ReclaimPolicy: &remove,
	}
}

// runVolumes makes a volume for each claim that the scheduler placed, and removes those that were released.
func runVolumes(ctx context.Context, client kubernetes.Interface, s *state) error {
	provide := func() error {
		claims, err := client.CoreV1().PersistentVolumeClaims("").List(ctx, meta.ListOptions{})
		if err != nil {
			return fmt.Errorf("listing claims: %w", err)
		}
		for i := range claims.Items {
			if err := provideVolume(ctx, client, s, &claims.Items[i]); err != nil {
				return err
			}
		}
		return nil
	}
	clean := func() error {
		volumes, err := client.CoreV1().PersistentVolumes().List(ctx, meta.ListOptions{})
		if err != nil {
			return fmt.Errorf("listing volumes: %w", err)
		}
		for i := range volumes.Items {
			if err := cleanVolume(ctx, client, s, &volumes.Items[i]); err != nil {
				return err
			}
		}
		return nil
	}
	done := make(chan error, 1)
	go func() {
		done <- follow(ctx, clean, func(o meta.ListOptions) (watcher, error) {
			return client.CoreV1().PersistentVolumes().Watch(ctx, o)
		})
	}()
	return errors.Join(follow(ctx, provide, func(o meta.ListOptions) (watcher, error) {
		return client.CoreV1().PersistentVolumeClaims("").Watch(ctx, o)
	}), <-done)
}

func provideVolume(
	ctx context.Context, client kubernetes.Interface, s *state, claim *core.PersistentVolumeClaim,
) error {
	place := claim.Annotations[selectedNode]
	class := claim.Spec.StorageClassName
	if claim.Spec.VolumeName != "" || place == "" || class == nil || *class != StorageClass ||
		claim.DeletionTimestamp != nil {
		return nil
	}
	name := "pvc-" + string(claim.UID)
	// The folder's owner is root until kubelet gives it to the pod's fsGroup, as with a cloud's disk.
	if err := os.MkdirAll(s.volume(place, name), 0o755); err != nil {
		return fmt.Errorf("making volume %s: %w", name, err)
	}
	_, err := client.CoreV1().PersistentVolumes().Create(ctx, &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisioner}},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimDelete,
			StorageClassName:              StorageClass,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: core.PersistentVolumeSource{
				Local: &core.LocalVolumeSource{Path: filepath.Join(node.VolumesDir, name)},
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{
					Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{place},
				}},
			}}}},
		},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making volume %s: %w", name, err)
	}
	return nil
}

func (s *state) volume(place, name string) string {
	spec := node.Spec{Dir: s.nodeDir(filepath.Base(place))}
	return filepath.Join(spec.HostPath(node.VolumesDir), name)
}

func cleanVolume(ctx context.Context, client kubernetes.Interface, s *state, v *core.PersistentVolume) error {
	if v.Status.Phase != core.VolumeReleased || v.Annotations["pv.kubernetes.io/provisioned-by"] != provisioner ||
		v.Spec.PersistentVolumeReclaimPolicy != core.PersistentVolumeReclaimDelete {
		return nil
	}
	place := v.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0]
	if err := os.RemoveAll(s.volume(place, v.Name)); err != nil {
		return fmt.Errorf("removing volume %s: %w", v.Name, err)
	}
	if err := client.CoreV1().PersistentVolumes().Delete(ctx, v.Name, meta.DeleteOptions{}); err != nil &&
		!apierrors.IsNotFound(err) {
		return fmt.Errorf("removing volume %s: %w", v.Name, err)
	}
	return nil
}
