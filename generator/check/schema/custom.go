package schema

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/object"
)

// custom is one version of a custom kind.
type custom struct {
	namespaced bool
	// warning is set for versions that are deprecated.
	warning string
	version string
	// compile turns the definition's schema into validators, once and when first needed: most renders use few kinds.
	compile func() (*compiled, error)
}

type compiled struct {
	structural *structural.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// add learns the kinds of one custom resource definition.
func (s *Schemas) add(crd object.Object) error {
	text, err := json.Marshal(crd.Object)
	if err != nil {
		return fmt.Errorf("write as JSON: %w", err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := json.Unmarshal(text, &definition); err != nil {
		return fmt.Errorf("it is not an apiextensions.k8s.io/v1 definition: %w", err)
	}
	spec := definition.Spec
	groupKind := kschema.GroupKind{Group: spec.Group, Kind: spec.Names.Kind}
	for _, version := range spec.Versions {
		if !version.Served {
			continue
		}
		c := &custom{namespaced: spec.Scope == apiextensionsv1.NamespaceScoped, version: version.Name}
		if version.Deprecated {
			c.warning = "this version is deprecated"
			if version.DeprecationWarning != nil {
				c.warning = *version.DeprecationWarning
			}
		}
		c.compile = sync.OnceValues(func() (*compiled, error) { return compile(version.Schema) })
		s.customs[groupKind.WithVersion(version.Name)] = c
		s.groupKinds[groupKind] = append(s.groupKinds[groupKind], version.Name)
	}
	return nil
}

func compile(source *apiextensionsv1.CustomResourceValidation) (*compiled, error) {
	if source == nil || source.OpenAPIV3Schema == nil {
		return nil, fmt.Errorf("the custom resource definition has no schema")
	}
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(source.OpenAPIV3Schema, &internal, nil); err != nil {
		return nil, fmt.Errorf("convert the schema: %w", err)
	}
	s, err := structural.NewStructural(&internal)
	if err != nil {
		return nil, fmt.Errorf("the schema is not structural: %w", err)
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		return nil, fmt.Errorf("compile the schema: %w", err)
	}
	return &compiled{structural: s, validator: validator, rules: cel.NewValidator(s, true, celconfig.PerCallLimit)}, nil
}

// check does what the API server does with a custom resource: find unknown fields, fill in defaults, validate by the
// schema, and then evaluate the CEL rules.
func (d *custom) check(c *checked, text []byte) {
	if d.warning != "" {
		c.add(Prerelease, "apiVersion", "", "%s", d.warning)
	} else if prerelease.MatchString(d.version) {
		c.add(Prerelease, "apiVersion", "Write a generally available version where the definition has one.",
			"version %s is not generally available: it may change or vanish with any release", d.version)
	}
	schemas, err := d.compile()
	if err != nil {
		c.add(Custom, "", "Correct the custom resource definition.", "cannot be checked: %v", err)
		return
	}
	content := map[string]any{}
	if err := utiljson.Unmarshal(text, &content); err != nil {
		c.add(WrongType, "", "", "cannot be read as JSON: %v", err)
		return
	}
	unknown := pruning.PruneWithOptions(content, schemas.structural, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		c.add(UnknownField, path, suggestion(schemas.structural, path), "unknown field %q", path[strings.LastIndex(path, ".")+1:])
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(content, schemas.structural)
	defaulting.Default(content, schemas.structural)
	before := len(c.problems)
	c.fieldErrors(validation.ValidateCustomResource(nil, content, schemas.validator))
	c.fieldErrors(listtype.ValidateListSetsAndMaps(nil, schemas.structural, content))
	c.fieldErrors(objectmeta.Validate(nil, content, schemas.structural, true))
	if schemas.rules == nil || len(c.problems) > before {
		return // CEL rules rely on a valid schema
	}
	broken, _ := schemas.rules.Validate(context.Background(), nil, schemas.structural, content, nil, celconfig.RuntimeCELCostBudget)
	c.fieldErrors(broken)
}

var wrongType = regexp.MustCompile(`must be of type ([^:]+): "([^"]+)"$`)

func (c *checked) fieldErrors(errors field.ErrorList) {
	for _, err := range errors {
		path := err.Field
		if path == "<nil>" {
			path = ""
		}
		detail := strings.TrimPrefix(err.Detail, path+" in body ")
		switch {
		case err.Type == field.ErrorTypeTypeInvalid:
			if m := wrongType.FindStringSubmatch(detail); m != nil {
				detail = fmt.Sprintf("must be of type %s, but is of type %s", m[1], m[2])
			}
		case err.Type == field.ErrorTypeRequired && detail == "":
			detail = "is missing"
		case err.Type == field.ErrorTypeNotSupported:
			detail = err.ErrorBody()
		case err.Type == field.ErrorTypeDuplicate:
			detail = fmt.Sprintf("%v is written twice", shorten(fmt.Sprint(err.BadValue)))
		case err.Type == field.ErrorTypeInvalid && scalar(err.BadValue):
			detail = fmt.Sprintf("%v: %s", shorten(fmt.Sprint(err.BadValue)), detail)
		case detail == "":
			detail = err.ErrorBody()
		}
		c.add(Custom, path, "", "%s", detail)
	}
}

func scalar(value any) bool {
	switch value.(type) {
	case string, int64, int, float64, bool:
		return value != ""
	default:
		return false
	}
}

// suggestion is the known field that is nearest to the last one of path.
func suggestion(s *structural.Structural, path string) string {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		name, _, listed := strings.Cut(key, "[")
		next, ok := s.Properties[name]
		switch {
		case ok:
			s = &next
		case s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil:
			s = s.AdditionalProperties.Structural
		default:
			return ""
		}
		if listed && s.Items != nil {
			s = s.Items
		}
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	if near := document.Nearest(keys[len(keys)-1], names); near != "" {
		return "Did you mean " + strconv.Quote(near) + "?"
	}
	return ""
}
