package render

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/advice"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/object"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

// Advisory is a warning about a cluster: risky, but allowed.
type Advisory struct {
	// Cluster is the cluster's name.
	Cluster string `json:"cluster"`
	// Rule is the rule's name.
	Rule string `json:"rule"`
	document.Problem
}

// planAll plans all clusters and weighs their inputs. All problems of all clusters come at once.
func planAll(repo *repository.Repository) ([]*plan, []Advisory, error) {
	var plans []*plan
	var problems document.Problems
	advisories := []Advisory{}
	for _, c := range repo.Clusters {
		problems = append(problems, folderProblems(repo, c)...)
		p, err := newPlan(repo, c)
		var found document.Problems
		if errors.As(err, &found) {
			problems = append(problems, found...)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		plans = append(plans, p)
		for _, a := range advice.Check(adviceInput(p)) {
			if a.Refuse {
				problems = append(problems, a.Problem)
			} else {
				advisories = append(advisories, Advisory{Cluster: c.Name, Rule: a.Rule, Problem: a.Problem})
			}
		}
	}
	return plans, advisories, unique(problems).Err()
}

// unique drops problems of shared files that every cluster found again.
func unique(problems document.Problems) document.Problems {
	seen := map[string]bool{}
	return slices.DeleteFunc(problems, func(p document.Problem) bool {
		text := p.Error()
		again := seen[text]
		seen[text] = true
		return again
	})
}

func adviceInput(p *plan) advice.Input {
	in := advice.Input{
		Bundle: p.repo.Bundle, Cluster: p.Cluster.Cluster, File: p.File, Sizing: p.counted(),
		Components: slices.Sorted(maps.Keys(p.repo.Components)),
	}
	resolved := map[string]*tenant.Tenant{}
	for _, t := range p.tenants {
		resolved[t.Name] = t
	}
	for _, t := range p.repo.Tenants {
		if resolved[t.Name] != nil {
			in.Tenants = append(in.Tenants, advice.Tenant{Resolved: resolved[t.Name], Written: t.Tenant, File: t.File})
		}
	}
	return in
}

// folderProblems finds folders that are named but missing, or there but named like nothing.
func folderProblems(repo *repository.Repository, c repository.Cluster) document.Problems {
	var problems document.Problems
	for i, name := range c.Overlays {
		if info, err := os.Stat(filepath.Join(repo.Root, "overlays", name)); err != nil || !info.IsDir() {
			problems = append(problems, c.File.Problem(fmt.Sprintf("overlays[%d]", i), fmt.Sprintf("there is no overlay %q", name),
				"Overlays are the folders of overlays/: "+strings.Join(folders(filepath.Join(repo.Root, "overlays")), ", ")+"."))
		}
	}
	patches := "clusters/" + c.Name + "/patches/"
	loose, err := filepath.Glob(filepath.Join(repo.Root, filepath.FromSlash(patches), "*.y*ml"))
	if err == nil {
		for _, file := range loose {
			problems = append(problems, document.Problem{
				File: patches + filepath.Base(file), Message: "a patch beside the components' folders is never applied",
				Hint: "Move it to " + patches + "COMPONENT/, with a kustomization.yaml of kind Component.",
			})
		}
	}
	names := slices.Sorted(maps.Keys(repo.Components))
	for _, name := range folders(filepath.Join(repo.Root, filepath.FromSlash(patches))) {
		if repo.Components[name] == nil {
			problems = append(problems, document.Problem{
				File: patches + name, Message: fmt.Sprintf("there is no component %q to patch", name),
				Hint: document.Suggest(name, names, "Components are: "),
			})
		}
	}
	return problems
}

func folders(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// noDefinitions are the custom resources that are known before any unit is rendered.
func noDefinitions() ([]object.Object, error) { return nil, nil }

// counted is the cluster's size with what each of its tenants runs.
func (p *plan) counted() sizing.Sizing { return p.sizing.Counted(p.Cluster.Cluster, p.tenants) }

// Sizes are the sizes of the repository's clusters, with what their tenants run in them, in their order. The error is document.Problems for inputs that
// cannot be sized.
func Sizes(repo *repository.Repository) ([]sizing.Sizing, error) {
	plans, _, err := planAll(repo)
	sizes := make([]sizing.Sizing, 0, len(plans))
	for _, p := range plans {
		sizes = append(sizes, p.counted())
	}
	return sizes, err
}
