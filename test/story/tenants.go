package story

import (
	"context"
	"errors"
	"fmt"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// inForce waits until the syncer says of every tenant that rules and alerting are as in Git.
func (s *Story) inForce(ctx context.Context) (string, error) {
	for {
		tenants, err := s.conditions(ctx)
		if err == nil {
			return fmt.Sprintf("rules and alerting of %d tenants as in Git", tenants), nil
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// conditions answers how many tenants there are, and the conditions of the syncer that are not true.
func (s *Story) conditions(ctx context.Context) (int, error) {
	namespaces, err := s.Client.CoreV1().Namespaces().List(ctx, meta.ListOptions{LabelSelector: "opsgen.dev/tenant"})
	if err != nil {
		return 0, fmt.Errorf("listing tenants: %w", err)
	}
	var problems []error
	for _, n := range namespaces.Items {
		status, err := s.Client.CoreV1().ConfigMaps(n.Name).Get(ctx, "opsgen-sync-status", meta.GetOptions{})
		if err != nil {
			problems = append(problems, fmt.Errorf("the syncer said nothing of %s: %w", n.Name, err))
			continue
		}
		var conditions []meta.Condition
		if err := yaml.Unmarshal([]byte(status.Data["conditions"]), &conditions); err != nil || len(conditions) == 0 {
			problems = append(problems, errors.Join(fmt.Errorf("the syncer's word on %s cannot be read: %q", n.Name, status.Data), err))
		}
		for _, c := range conditions {
			if c.Status != meta.ConditionTrue {
				problems = append(problems, fmt.Errorf("%s: %s: %s: %s", n.Name, c.Type, c.Reason, c.Message))
			}
		}
	}
	return len(namespaces.Items), errors.Join(problems...)
}
