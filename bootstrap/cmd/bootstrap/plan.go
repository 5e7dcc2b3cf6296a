package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/bootstrap/display"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/install"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

func newPlanCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan CLUSTER",
		Short: "Show what up would make, and what it costs a month",
		Long: `Plan looks at everything and changes nothing. Signs: + create, ~ change, - delete, ± delete and make anew, … not ready yet,
! not possible. Prices are list prices and estimates: see --prices.`,
		Example: `  bootstrap plan clusters/prod
  bootstrap plan clusters/prod --check       exit 1 when something differs from cluster.yaml
  bootstrap plan clusters/prod --graph       the longest path, step by step
  bootstrap plan clusters/prod -o json | jq .monthly`,
		Args: oneCluster, ValidArgsFunction: a.completeCluster,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			s, err := a.open(cmd.Context(), arguments[0])
			if err != nil {
				return err
			}
			return s.plan(cmd.Context())
		},
	}
	cmd.Flags().Bool("check", false, "exit 1 when up would do anything")
	cmd.Flags().Bool("graph", false, "print the longest path, step by step")
	cmd.Flags().String("until", "", "look no further than this phase")
	cmd.Flags().BoolP("all", "a", false, "list every resource, and not only what differs")
	return cmd
}

// report is a plan with its price and the checks, for people and for machines.
type report struct {
	Cluster  string           `json:"cluster"`
	Place    string           `json:"place"`
	Checks   []provider.Check `json:"checks"`
	Steps    engine.Plan      `json:"steps"`
	Monthly  []cost           `json:"monthly"`
	Sum      float64          `json:"sum"`
	Currency string           `json:"currency"`
	Prices   string           `json:"prices"`
	// Estimate says that no bill was compared with the sum; it is always true.
	Estimate bool `json:"estimate"`
	// Unpriced are items without a price.
	Unpriced []string `json:"unpriced,omitempty"`
	// Path is the longest path of what is to be made, Takes its time in nanoseconds.
	Path  []pathStep    `json:"path"`
	Takes time.Duration `json:"takes"`
}

// cost is what one resource costs a month.
type cost struct {
	Resource string  `json:"resource"`
	Amount   float64 `json:"amount"`
}

// pathStep is one resource on the longest path.
type pathStep struct {
	Resource string        `json:"resource"`
	Expected time.Duration `json:"expected"`
}

func (s *session) plan(ctx context.Context) error {
	r, err := s.report(ctx)
	if err != nil {
		return err
	}
	switch {
	case s.json():
		if err := s.writeJSON(r); err != nil {
			return err
		}
	case s.settings.GetBool("graph"):
		s.printPath(r)
	default:
		s.printReport(r)
	}
	if broken := r.broken(); broken > 0 {
		return failedCheck{number(broken, "problem") + " to solve before up; nothing was changed"}
	}
	if s.settings.GetBool("check") && r.Steps.Differs() {
		return failedCheck{fmt.Sprintf("%s differs from clusters/%s/cluster.yaml", s.cluster.Name, s.cluster.Name)}
	}
	return nil
}

// report looks at everything. What cannot be reached at all is a check that failed, and no plan.
func (s *session) report(ctx context.Context) (*report, error) {
	r := &report{
		Cluster: s.cluster.Name, Place: s.provider.Headline(), Currency: s.prices.Currency, Prices: s.prices.Date, Estimate: true,
		Checks: s.provider.Preflight(ctx),
	}
	r.Checks = append(r.Checks, s.checkAPIs())
	if r.broken() == 0 {
		var err error
		var quiet *silence
		if r.Steps, quiet, err = s.see(ctx); err != nil {
			return nil, err
		}
		r.Checks = append(r.Checks, s.checkSilence(quiet)...)
	}
	r.Checks = append(r.Checks, s.checkGit(r.Steps)...)
	r.Checks = append(r.Checks, s.checkFirstToken()...)
	s.addPrices(r)
	toCome := map[string]time.Duration{}
	for _, step := range r.Steps {
		if step.Action != engine.ActionNone {
			toCome[step.Resource] = step.Expected
		}
	}
	path, takes := s.graph.LongestPath(func(name string) time.Duration { return toCome[name] })
	r.Takes = takes
	for _, name := range path {
		if toCome[name] > 0 {
			r.Path = append(r.Path, pathStep{Resource: name, Expected: toCome[name]})
		}
	}
	return r, nil
}

// checkAPIs looks whether the wanted Kubernetes has what the rendered tree asks for.
func (s *session) checkAPIs() provider.Check {
	check := provider.Check{Name: "APIs"}
	var minor int
	if _, err := fmt.Sscanf(s.cluster.Kubernetes, "1.%d", &minor); err != nil {
		check.Problem, check.Hint = fmt.Sprintf("kubernetes in cluster.yaml is %q", s.cluster.Kubernetes), "Write a version like \"1.35\"."
		return check
	}
	gone, going, err := s.tree.Removals(minor)
	switch {
	case err != nil:
		check.Problem, check.Hint = err.Error(), "Run `opsgen render`."
	case len(gone) > 0:
		check.Problem = fmt.Sprintf("Kubernetes %s does not have %s", s.cluster.Kubernetes, strings.Join(gone, ", "))
		check.Hint = "Take a version of the bundle that was made for it, render, and let Flux apply that first."
	case len(going) > 0:
		check.Warning, check.Problem = true, fmt.Sprintf("the Kubernetes after %s does not have %s", s.cluster.Kubernetes, strings.Join(going, ", "))
		check.Hint = "Take a newer version of the bundle before the next upgrade."
	}
	return check
}

// checkGit looks whether the Secrets that cluster.yaml names are there or can be made.
func (s *session) checkGit(steps engine.Plan) []provider.Check {
	find := func(resource string) (there, known bool) {
		at := slices.IndexFunc(steps, func(step engine.Step) bool { return step.Resource == resource })
		return at >= 0 && steps[at].Exists(), at >= 0
	}
	var checks []provider.Check
	if there, known := find(install.GitSecret); known && !there {
		problem, hint := s.git.Check()
		checks = append(checks, provider.Check{Name: "Git credentials", Problem: problem, Hint: hint})
	}
	for _, n := range s.named {
		if there, known := find(n.Resource()); known {
			checks = append(checks, n.Check(there))
		}
	}
	return checks
}

// addPrices adds the price of every resource, and of what Kubernetes will make.
func (s *session) addPrices(r *report) {
	region := s.cluster.Provider.Region
	add := func(name string, uses []engine.Use) {
		if len(uses) == 0 {
			return
		}
		sum, unknown := s.prices.Sum(uses, region)
		r.Monthly = append(r.Monthly, cost{Resource: name, Amount: sum})
		r.Sum += sum
		r.Unpriced = append(r.Unpriced, unknown...)
	}
	for _, step := range r.Steps {
		add(step.Resource, step.Uses)
	}
	if name := s.cluster.Provider.Name; name != cluster.Existing {
		add("kubernetes/load-balancer", s.amounts.LoadBalancer(name))
		add("kubernetes/volumes", []engine.Use{{Item: name + "/volume", Quantity: s.amounts.VolumeGiB}})
	}
	slices.Sort(r.Unpriced)
	r.Unpriced = slices.Compact(r.Unpriced)
}

// broken is the number of problems that keep up from beginning.
func (r *report) broken() int {
	n := r.Steps.Count(engine.ActionRefuse)
	for _, c := range r.Checks {
		if c.Problem != "" && !c.Warning {
			n++
		}
	}
	return n
}

func (s *session) printPath(r *report) {
	for _, step := range r.Path {
		fmt.Fprintf(s.stdout, "%8s  %s\n", display.Duration(step.Expected), step.Resource)
	}
	fmt.Fprintf(s.stdout, "%8s  together\n", display.Duration(r.Takes))
}

// pathText is the longest path in one line, without the steps that take no time to speak of.
func (r *report) pathText() string {
	if len(r.Path) == 0 {
		return ""
	}
	var names []string
	for _, step := range r.Path {
		_, name, _ := strings.Cut(step.Resource, "/")
		names = append(names, name)
	}
	return fmt.Sprintf(" Longest path: %s, about %s.", strings.Join(names, " → "), display.Duration(r.Takes))
}
