package render

import (
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/opsgen/opsgen/generator/cache"
	"github.com/opsgen/opsgen/generator/check"
)

// checkPlan finds what is wrong between units: first within the platform, then for each tenant against the platform.
// Results are kept by the content that they depend on, so that one changed tenant costs one check.
func (s *session) checkPlan(p *plan, jobs int) ([]check.Finding, error) {
	var findings []check.Finding
	platformKey, tenantBase := cache.NewKey("platform").Add(s.build), cache.NewKey("tenants").Add(s.build, s.imports[shardFile])
	for _, u := range p.units {
		findings = append(findings, u.result.Findings...)
		if u.tenant != "" {
			continue
		}
		platformKey.Add(u.path(), filesDigest(u.result.Files))
		if !u.listsTenants() {
			tenantBase.Add(u.path(), filesDigest(u.result.Files))
		}
	}
	index := sync.OnceValues(func() (*platformIndex, error) { return s.indexPlatform(p) })
	platform, err := s.keptFindings(platformKey.String(), func() ([]check.Finding, error) {
		i, err := index()
		if err != nil {
			return nil, err
		}
		return i.findings, nil
	})
	if err != nil {
		return nil, err
	}
	tenants, err := s.checkTenants(p, tenantBase.String(), index, jobs)
	return append(append(findings, platform...), tenants...), err
}

// shardFile makes a tenant's entry in the cluster's own folder, which is the same for all tenants but for the name.
const shardFile = "bases/flux/shard.jsonnet"

// listsTenants says that the unit changes with the list of tenants; what it holds of other tenants is no matter of one
// tenant's check.
func (u *unit) listsTenants() bool {
	return u.layer == clusterLayer || strings.HasSuffix(u.name, "-tenants")
}

func (s *session) keptFindings(key string, find func() ([]check.Finding, error)) ([]check.Finding, error) {
	var kept []check.Finding
	if s.cache.Get(key, &kept) {
		return kept, nil
	}
	found, err := find()
	if err != nil {
		return nil, err
	}
	return found, s.cache.Put(key, found)
}

// platformIndex is the platform's objects, the tenants' entries included, ready to be looked up.
type platformIndex struct {
	index    *check.Index
	findings []check.Finding
}

func (s *session) indexPlatform(p *plan) (*platformIndex, error) {
	checker, _, err := s.checkers[p.Name].build()
	if err != nil {
		return nil, err
	}
	var units []check.Unit
	for _, u := range p.units {
		if u.tenant != "" || u.empty() {
			continue
		}
		objects, err := u.loadObjects(s)
		if err != nil {
			return nil, err
		}
		units = append(units, u.checked(objects))
	}
	index, findings := checker.Platform(units, p.promised()...)
	return &platformIndex{index, findings}, nil
}

func (s *session) checkTenants(p *plan, base string, index func() (*platformIndex, error), jobs int) ([]check.Finding, error) {
	var mu sync.Mutex
	var findings []check.Finding
	var group errgroup.Group
	group.SetLimit(jobs)
	for _, u := range p.units {
		if u.tenant == "" || u.empty() {
			continue
		}
		group.Go(func() error {
			key := cache.NewKey("tenant").Add(base, u.tenant, filesDigest(u.result.Files)).String()
			found, err := s.keptFindings(key, func() ([]check.Finding, error) { return u.checkTenant(s, index) })
			mu.Lock()
			defer mu.Unlock()
			findings = append(findings, found...)
			return err
		})
	}
	return findings, group.Wait()
}

func (u *unit) checkTenant(s *session, index func() (*platformIndex, error)) ([]check.Finding, error) {
	i, err := index()
	if err != nil {
		return nil, err
	}
	objects, err := u.loadObjects(s)
	if err != nil {
		return nil, err
	}
	return i.index.Tenant(u.checked(objects)), nil
}
