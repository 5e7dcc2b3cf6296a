package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/progress"
)

// signs are what a step begins with.
func sign(action string) string {
	signs := map[string]string{
		engine.ActionCreate: "+", engine.ActionChange: "~", engine.ActionReplace: "±", engine.ActionDelete: "-", engine.ActionWait: "…", engine.ActionRefuse: "!",
	}
	if s := signs[action]; s != "" {
		return s
	}
	return " "
}

// printReport prints a plan for people.
func (s *session) printReport(r *report) {
	fmt.Fprintln(s.stdout, r.Place)
	for _, phase := range s.graph.Phases() {
		s.printPhase(r, phase)
	}
	if r.Steps == nil { // what is not known has no price
		s.printChecks(r.Checks)
		return
	}
	s.printCosts(r)
	s.printChecks(r.Checks)
	toDelete := ""
	if n := r.Steps.Count(engine.ActionDelete); n > 0 {
		toDelete = fmt.Sprintf("%d to delete, ", n)
	}
	fmt.Fprintf(s.stdout, "%d to create, %d to change, %s%d as they should be.%s\n", r.Steps.Count(engine.ActionCreate),
		r.Steps.Count(engine.ActionChange, engine.ActionReplace), toDelete, r.Steps.Count(engine.ActionNone), r.pathText())
}

// printPhase prints a phase in one line, and what is not simply to be created below it.
func (s *session) printPhase(r *report, phase string) {
	var steps engine.Plan
	for _, step := range r.Steps {
		if step.Phase == phase && (!step.Passive || step.Exists()) {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return
	}
	first := engine.ActionNone
	for _, action := range []string{engine.ActionRefuse, engine.ActionReplace, engine.ActionDelete, engine.ActionChange, engine.ActionCreate, engine.ActionWait} {
		if steps.Count(action) > 0 {
			first = action
			break
		}
	}
	price := ""
	if sum := r.cost(phase + "/"); sum > 0 {
		price = money(sum)
	}
	line := fmt.Sprintf("%s %-12s %-72s %8s", sign(first), phase, kinds(steps), price)
	fmt.Fprintln(s.stdout, strings.TrimRight(line, " "))
	for _, step := range steps {
		if s.settings.GetBool("all") || step.Action != engine.ActionNone && step.Action != engine.ActionCreate || step.Reason != "" {
			s.printStep(step)
		}
	}
}

func (s *session) printStep(step engine.Step) {
	_, name, _ := strings.Cut(step.Resource, "/")
	line := fmt.Sprintf("    %s %s", sign(step.Action), name)
	if step.ID != "" {
		line += " (" + step.ID + ")"
	}
	switch {
	case step.Reason != "":
		line += ": " + step.Reason
	case step.Borrowed:
		line += ": was there before, and is used as it is"
	case step.Given:
		line += ": named in cluster.yaml"
	}
	fmt.Fprintln(s.stdout, line)
	for _, change := range step.Changes {
		fmt.Fprintf(s.stdout, "        %s\n", change)
	}
}

// kinds counts what a phase consists of: "VPC, 6 subnets, NAT gateway".
func kinds(steps engine.Plan) string {
	counts := map[string]int{}
	var order []string
	for _, step := range steps {
		if counts[step.Kind] == 0 {
			order = append(order, step.Kind)
		}
		counts[step.Kind]++
	}
	parts := make([]string, len(order))
	for i, kind := range order {
		parts[i] = kind
		if n := counts[kind]; n > 1 {
			parts[i] = fmt.Sprintf("%d %s", n, plural(kind))
		}
	}
	return strings.Join(parts, ", ")
}

func plural(kind string) string {
	switch {
	case strings.HasSuffix(kind, "ay"), strings.HasSuffix(kind, "ey"):
		return kind + "s"
	case strings.HasSuffix(kind, "y"):
		return strings.TrimSuffix(kind, "y") + "ies"
	case strings.HasSuffix(kind, "ss"):
		return kind + "es"
	}
	return strings.TrimSuffix(kind, "s") + "s"
}

// cost is what everything below a name costs.
func (r *report) cost(prefix string) float64 {
	sum := 0.0
	for _, c := range r.Monthly {
		if strings.HasPrefix(c.Resource, prefix) {
			sum += c.Amount
		}
	}
	return sum
}

func (s *session) printCosts(r *report) {
	if sum := r.cost("kubernetes/"); sum > 0 {
		fmt.Fprintf(s.stdout, "  %-12s %-72s %8s\n", "kubernetes", "load balancer and volumes, made later", money(sum))
	}
	if r.Sum > 0 {
		fmt.Fprintf(s.stdout, "%96s\n", fmt.Sprintf("about %s %s/month", money(r.Sum), r.Currency))
		fmt.Fprintf(s.stdout, "  (estimates: list prices of %s as remembered, and no quotation; --prices takes yours)\n", r.Prices)
	}
	if len(r.Unpriced) > 0 {
		fmt.Fprintf(s.stdout, "  (no price is known of %s)\n", strings.Join(r.Unpriced, ", "))
	}
}

// money is an amount without cents, with a comma between thousands.
func money(amount float64) string {
	if amount > 0 && amount < 0.5 {
		return "<1"
	}
	digits := fmt.Sprint(int64(math.Round(amount)))
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// printChecks prints the checks that passed in one line, and each problem with what to do.
func (s *session) printChecks(checks []provider.Check) {
	var passed []string
	for _, c := range checks {
		switch {
		case c.Problem != "":
		case c.Detail != "":
			passed = append(passed, c.Name+" ok ("+c.Detail+")")
		default:
			passed = append(passed, c.Name+" ok")
		}
	}
	if len(passed) > 0 {
		fmt.Fprintf(s.stdout, "preflight      %s\n", folded(passed, " · ", 15))
	}
	for _, c := range problems(checks) {
		mark := "!"
		if c.Warning {
			mark = "?"
		}
		fmt.Fprintf(s.stdout, "%s %-12s %s\n", mark, c.Name, c.Problem)
		if c.Hint != "" {
			fmt.Fprintf(s.stdout, "  %-12s %s\n", "", c.Hint)
		}
	}
}

// folded is a list over as many lines as it needs, the later ones indented.
func folded(parts []string, between string, indent int) string {
	var b strings.Builder
	at := indent
	for i, part := range parts {
		size := len([]rune(part + between))
		switch {
		case i == 0:
		case at+size > widest:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteString(between)
		}
		b.WriteString(part)
		at += size
	}
	return b.String()
}

// widest is how long a line may become.
const widest = 110

// problems are the checks that did not pass, those first that keep up from beginning.
func problems(checks []provider.Check) []provider.Check {
	var found []provider.Check
	for _, c := range checks {
		if c.Problem != "" {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b provider.Check) int {
		switch {
		case a.Warning == b.Warning:
			return 0
		case a.Warning:
			return 1
		}
		return -1
	})
	return found
}

// number is a count with its noun.
func number(n int, noun string) string { return progress.Count(n, noun) }
