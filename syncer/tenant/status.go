package tenant

import (
	"context"
	"fmt"
	"maps"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// StatusName is the ConfigMap in a tenant's namespace that says what became of its rules and alerting.
const StatusName = "opsgen-sync-status"

// writeStatus puts conditions into the namespace if they say something new. Since is kept where Status stays.
func (s *Syncer) writeStatus(ctx context.Context, namespace string, t *state, conditions []Condition) error {
	var found core.ConfigMap
	if t.conditions == nil {
		err := s.api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: StatusName}, &found)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("read the status: %w", err)
		}
		// What cannot be read is written anew.
		_ = yaml.Unmarshal([]byte(found.Data["conditions"]), &t.conditions)
	}
	for i := range conditions {
		conditions[i].Since = since(t.conditions, conditions[i])
	}
	text, err := yaml.Marshal(conditions)
	if err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	data := map[string]string{"summary": summary(conditions), "conditions": string(text)}
	t.conditions = conditions
	if t.status == string(text) || maps.Equal(found.Data, data) {
		t.status = string(text)
		return nil
	}
	made := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: StatusName, Labels: ownLabels()}, Data: data}
	err = s.writer.Update(ctx, made)
	if apierrors.IsNotFound(err) {
		made.ResourceVersion = ""
		err = s.writer.Create(ctx, made)
	}
	if err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	t.status = string(text)
	return nil
}

func since(before []Condition, c Condition) time.Time {
	for _, b := range before {
		if b.Type == c.Type && b.Status == c.Status {
			return b.Since
		}
	}
	return time.Now().UTC().Truncate(time.Second)
}
