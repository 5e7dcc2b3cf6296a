package check

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/policy"

	"github.com/opsgen/opsgen/generator/check/schema"
	"github.com/opsgen/opsgen/generator/object"
)

// Unit is one rendered folder, which Flux applies as one Kustomization.
type Unit struct {
	// Layer and Name make the folder: "<layer>/<name>".
	Layer, Name string
	// Component is the base that made it, Namespace that component's.
	Component, Namespace string
	// Tenant is empty for units of the platform.
	Tenant  string
	Objects []object.Object
	// External are objects that someone promised to make in the cluster by other means, "Secret/namespace/name".
	External []string
}

func (u *Unit) folder() string { return path.Join(u.Layer, u.Name) }

// clusterLayer holds Flux's own objects.
const clusterLayer = "cluster"

// Checker checks units. It is safe for concurrent use.
type Checker struct {
	schemas  *schema.Schemas
	security policy.Evaluator
}

// New makes a Checker that knows the built-in kinds and those of the given custom resource definitions.
func New(crds []object.Object) (*Checker, error) {
	schemas, err := schema.New(crds)
	if err != nil {
		return nil, fmt.Errorf("prepare the checks: %w", err)
	}
	security, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil, fmt.Errorf("prepare the Pod Security checks: %w", err)
	}
	return &Checker{schemas: schemas, security: security}, nil
}

// Schemas are the kinds that the Checker knows.
func (c *Checker) Schemas() *schema.Schemas { return c.schemas }

// Unit checks the objects of one unit by themselves: schema, policy, and the configuration inside. kubernetes is the
// cluster's version ("1.35"); an unreadable one counts as the newest. What depends on other units is checked by
// Platform and Index.Tenant.
func (c *Checker) Unit(u Unit, kubernetes string) []Finding {
	minor := minorOf(kubernetes)
	r, names, units := &report{}, unitNames{}, []Unit{u}
	for unit, o := range objectsOf(units) {
		s := subject{report: r, unit: unit, object: o}
		typed := c.schema(s, minor)
		secrets(s)
		rights(s, typed)
		certificate(s)
		if w := workloadOf(typed); w != nil {
			policies(s, w)
			components(s, w)
		}
		configuration(s, typed, names)
	}
	zonesTogether(r, &units[0])
	grafanaStorage(r, &units[0])
	return settle(r, units, unitScope)
}

// minorOf reads "1.35" or "v1.35.2".
func minorOf(version string) int {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return newestMinor
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return newestMinor
	}
	return minor
}

// newestMinor is the Kubernetes minor version of the pinned libraries.
const newestMinor = 36

// schemaRules are the rules by the sorts of problems that package schema tells apart.
var schemaRules = map[schema.Sort]string{
	schema.UnknownKind: ruleUnknownKind, schema.UnknownField: ruleUnknownField, schema.WrongType: ruleWrongType,
	schema.Value: ruleInvalidValue, schema.Custom: ruleCustomResource, schema.Prerelease: rulePrereleaseAPI,
	schema.Removed: ruleRemovedAPI, schema.Newer: ruleNewerAPI,
}

func (c *Checker) schema(s subject, minor int) runtime.Object {
	if encrypted(s.object) {
		return nil // Flux decrypts it: what is in Git is not yet a Secret
	}
	typed, problems := c.schemas.Check(*s.object, minor)
	for _, p := range problems {
		s.add(schemaRules[p.Sort], p.Path, p.Hint, "%s", p.Message)
	}
	return typed
}

// convert reads content into a typed object. Contents that do not fit were reported by the schema checks.
func convert(content map[string]any, into any) bool {
	if runtime.DefaultUnstructuredConverter.FromUnstructured(content, into) == nil {
		return true
	}
	text, err := json.Marshal(content) // numbers that Jsonnet made are floats, which only JSON turns into integers
	return err == nil && json.Unmarshal(text, into) == nil
}
