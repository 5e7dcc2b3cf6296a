package render

import (
	"fmt"
	"sync"

	"github.com/opsgen/opsgen/generator/cache"
	"github.com/opsgen/opsgen/generator/check"
	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/object"
)

// render makes the unit's result, from the cache when nothing that it depends on has changed. It answers whether it was
// there.
func (u *unit) render(s *session, evaluator *jsonnet.Evaluator, checker *lazyChecker) (cached bool, err error) {
	key, err := s.key(u, evaluator, checker.digest)
	if err != nil {
		return false, err
	}
	var kept result
	if s.cache.Get(key, &kept) && u.fresh(&kept) && (kept.Objects == 0 || s.cache.Has(textsKey(kept.Files))) {
		u.result = &kept
		return true, nil
	}
	made, err := u.make(s, evaluator, checker)
	if err != nil {
		return false, err
	}
	u.result = made
	if err := s.cache.Put(textsKey(made.Files), made.texts); err != nil {
		return false, err
	}
	return false, s.cache.Put(key, made)
}

// fresh says that the images which a kept result names are still resolved to the same.
func (u *unit) fresh(kept *result) bool {
	for name, reference := range kept.Images {
		image, ok := u.plan.repo.Bundle.Images[name]
		if !ok || image.Reference(u.plan.Registry) != reference {
			return false
		}
	}
	return true
}

func (u *unit) make(s *session, evaluator *jsonnet.Evaluator, lazy *lazyChecker) (*result, error) {
	if err := u.checkDashboards(); err != nil {
		return nil, err
	}
	objects, dropped, err := u.evaluate(s, evaluator)
	if err != nil {
		return nil, err
	}
	if err := fitting(objects); err != nil {
		return nil, err
	}
	checker, kinds, err := lazy.build()
	if err != nil {
		return nil, err
	}
	made := &result{Images: map[string]string{}, Dropped: dropped}
	// Overlays see namespaces. What they add gets one too, and images are resolved last, so that an overlay may name one
	// like a base does.
	u.fillNamespaces(objects, kinds)
	if objects, made.Patches, err = u.applyOverlays(s, objects); err != nil {
		return nil, err
	}
	u.fillNamespaces(objects, kinds)
	for _, o := range objects {
		if err := u.resolveImages(o, made.Images); err != nil {
			return nil, err
		}
	}
	if made.texts, err = writeTexts(objects); err != nil {
		return nil, err
	}
	made.Objects, made.Files, made.Scaled = len(objects), sums(made.texts), scaledBy(objects)
	made.Findings = checker.Unit(u.checked(objects), u.plan.Kubernetes)
	return made, nil
}

// checked is the unit as the checks see it.
func (u *unit) checked(objects []object.Object) check.Unit {
	name := ""
	if u.component != nil {
		name = u.component.Name
	}
	return check.Unit{Layer: u.layer, Name: u.name, Component: name, Namespace: u.namespace, Tenant: u.tenant, Objects: objects}
}

// checkerFor knows the definitions that the cluster's crds units hold.
func (s *session) checkerFor(p *plan) *lazyChecker {
	digest := cache.NewKey("definitions")
	var units []*unit
	for _, u := range p.units {
		if u.layer == string(component.CRDs) {
			units = append(units, u)
			digest.Add(filesDigest(u.result.Files))
		}
	}
	return newLazyChecker(digest.String(), func() ([]object.Object, error) {
		var definitions []object.Object
		for _, u := range units {
			objects, err := u.loadObjects(s)
			if err != nil {
				return nil, err
			}
			for _, o := range objects {
				if o.GetKind() == "CustomResourceDefinition" {
					definitions = append(definitions, o)
				}
			}
		}
		return definitions, nil
	})
}

// newLazyChecker builds the checker at most once, when it is first asked for.
func newLazyChecker(digest string, load func() ([]object.Object, error)) *lazyChecker {
	type built struct {
		checker *check.Checker
		scopes  scopes
	}
	once := sync.OnceValues(func() (built, error) {
		definitions, err := load()
		if err != nil {
			return built{}, fmt.Errorf("read custom resource definitions: %w", err)
		}
		checker, err := check.New(definitions)
		if err != nil {
			return built{}, fmt.Errorf("read custom resource definitions: %w", err)
		}
		return built{checker, newScopes(definitions)}, nil
	})
	return &lazyChecker{digest: digest, build: func() (*check.Checker, scopes, error) {
		b, err := once()
		return b.checker, b.scopes, err
	}}
}
