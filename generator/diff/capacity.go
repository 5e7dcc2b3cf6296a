package diff

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Capacity is what a change costs: how much more is requested of the nodes and the cloud, and what tenants may send.
type Capacity struct {
	// CPU is the number of cores that are requested more than before; negative for fewer.
	CPU float64 `json:"cpu"`
	// Memory and Storage are bytes that are requested more than before: by containers, and by claims.
	Memory  float64 `json:"memory"`
	Storage float64 `json:"storage"`
	// SeriesBefore and SeriesAfter are the sums of all tenants' limits of active series; 0 where they were not looked at,
	// since neither limits nor the list of tenants changed.
	SeriesBefore float64 `json:"seriesBefore"`
	SeriesAfter  float64 `json:"seriesAfter"`
}

// seriesLimit is Cortex' limit of a tenant's active series.
const seriesLimit = "max_global_series_per_user"

// capacity adds up what changed objects request. Pods of a DaemonSet, of which nobody knows how many there are, and what an
// autoscaler adds are not counted.
func capacity(s *scene) (*Capacity, error) {
	sum := &Capacity{}
	for _, change := range s.changes {
		sum.add(change.after, 1)
		sum.add(change.before, -1)
	}
	listed := func(i *item) bool {
		return limiting(i) || i != nil && strings.HasPrefix(i.folder, "config/proxy-tenants")
	}
	for _, change := range s.changes {
		if !listed(change.before) && !listed(change.after) {
			continue
		}
		var err error
		if sum.SeriesBefore, err = s.series(s.old, func(c Change) *item { return c.before }); err != nil {
			return nil, err
		}
		if sum.SeriesAfter, err = s.series(s.new, func(c Change) *item { return c.after }); err != nil {
			return nil, err
		}
		break
	}
	if !sum.told() {
		return nil, nil
	}
	return sum, nil
}

// add adds what an object requests, by a sign.
func (c *Capacity) add(i *item, sign float64) {
	if i == nil {
		return
	}
	switch i.GetKind() {
	case "Deployment", "StatefulSet":
		count := sign * float64(replicas(i))
		for _, container := range list(i.at("spec", "template", "spec", "containers")) {
			c.CPU += count * requested(at(container, "resources", "requests", "cpu"))
			c.Memory += count * requested(at(container, "resources", "requests", "memory"))
		}
		for _, claim := range list(i.at("spec", "volumeClaimTemplates")) {
			c.Storage += count * requested(at(claim, "spec", "resources", "requests", "storage"))
		}
	case "PersistentVolumeClaim":
		c.Storage += sign * requested(i.at("spec", "resources", "requests", "storage"))
	}
}

// requested is a quantity of Kubernetes; 0 for what is none, which the check of objects has refused.
func requested(value any) float64 {
	if value == nil {
		return 0
	}
	quantity, err := resource.ParseQuantity(fmt.Sprint(value))
	if err != nil {
		return 0
	}
	return quantity.AsApproximateFloat64()
}

// series is the sum of the tenants' limits in a tree.
func (s *scene) series(t *Tree, changed func(Change) *item) (float64, error) {
	all, err := s.limits(t, changed)
	if err != nil {
		return 0, err
	}
	ids, err := identitiesOf(t)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, of := range all {
		for _, id := range ids {
			sum += requested(of.of(id, seriesLimit))
		}
	}
	return sum, nil
}

// told says that there is something to say.
func (c *Capacity) told() bool { return c != nil && c.String() != "" }

// String is the capacity in one line for people.
func (c *Capacity) String() string {
	var parts []string
	for _, figure := range []struct {
		what string
		more float64
		size func(float64) string
	}{{"CPU", c.CPU, cores}, {"memory", c.Memory, binary}, {"storage", c.Storage, binary}} {
		if figure.more != 0 {
			parts = append(parts, fmt.Sprintf("%s %s", figure.what, signed(figure.more, figure.size)))
		}
	}
	text := ""
	if len(parts) > 0 {
		text = "requested " + strings.Join(parts, ", ")
	}
	if c.SeriesBefore != c.SeriesAfter {
		if text != "" {
			text += "; "
		}
		before, after := thousands(c.SeriesBefore), thousands(c.SeriesAfter)
		text += fmt.Sprintf("tenants' limits of active series %s → %s", before, after)
		if before == after { // one small tenant among many
			text += fmt.Sprintf(" (%s)", signed(c.SeriesAfter-c.SeriesBefore, thousands))
		}
	}
	return text
}

func signed(value float64, size func(float64) string) string {
	if value < 0 {
		return "−" + size(-value)
	}
	return "+" + size(value)
}

func cores(value float64) string { return fmt.Sprintf("%.4g", value) }

// binary is a number of bytes with a unit of Kubernetes.
func binary(value float64) string { return scaled(value, 1024, "", "Ki", "Mi", "Gi", "Ti", "Pi") }

// thousands is a count as cluster.yaml has it.
func thousands(value float64) string { return scaled(value, 1000, "", "k", "M", "G") }

func scaled(value, step float64, units ...string) string {
	unit := 0
	for value >= step && unit < len(units)-1 {
		value, unit = value/step, unit+1
	}
	return fmt.Sprintf("%.4g%s", value, units[unit])
}
