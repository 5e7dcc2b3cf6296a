package render

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/opsgen/opsgen/generator/check"
	"github.com/opsgen/opsgen/generator/tree"
)

// Report is what a run did.
type Report struct {
	// Bundle is the bundle's version.
	Bundle string `json:"bundle"`
	// Checked says that nothing was written because only a check was asked for.
	Checked bool `json:"checked"`
	// Clusters are the results by cluster.
	Clusters []ClusterReport `json:"clusters"`
	// Advisories are warnings about inputs.
	Advisories []Advisory `json:"advisories"`
	// Findings are warnings about objects; errors end the run.
	Findings []Finding `json:"findings"`
	// Cached is the number of units that came from the cache.
	Cached int `json:"cached"`
	// Rendered are the units that were rendered anew, as "<cluster> <layer>/<unit>".
	Rendered []string `json:"rendered"`
	// Seconds is the time of the whole run.
	Seconds float64 `json:"seconds"`
}

// ClusterReport is what a run did for one cluster.
type ClusterReport struct {
	// Name is the cluster's name.
	Name string `json:"name"`
	// Path is the folder of its rendered files, relative to the repository.
	Path string `json:"path"`
	// Units, Objects and Files count what the cluster consists of.
	Units   int `json:"units"`
	Objects int `json:"objects"`
	Files   int `json:"files"`
	// Changes are the files that were written or removed, or would be.
	Changes []tree.Change `json:"changes"`
	// UpToDate says that nothing had to be written.
	UpToDate bool `json:"upToDate"`
	// Foreign are files in the folder that opsgen did not write. They stay.
	Foreign []string `json:"foreign"`
	// Edited are files that were changed by hand.
	Edited []string `json:"edited"`
	// Dropped are hooks of charts that were left out.
	Dropped []string `json:"dropped"`
	// Diff shows the first differences, with Check only.
	Diff string `json:"-"`
}

// Finding is a finding about one cluster.
type Finding struct {
	// Cluster is the cluster's name.
	Cluster string `json:"cluster"`
	check.Finding
}

// ChecksFailed is the error when objects fail a check.
type ChecksFailed []Finding

// Error lists the findings.
func (f ChecksFailed) Error() string {
	lines := make([]string, len(f))
	for i, finding := range f {
		lines[i] = finding.Cluster + ": " + finding.String()
	}
	return strings.Join(lines, "\n")
}

// NotWritable is the error when a tree cannot be written as it is.
type NotWritable struct{ Reason string }

// Error says why.
func (n NotWritable) Error() string { return n.Reason }

func (s *session) checkAll(plans []*plan, o Options, report *Report) error {
	report.Findings = []Finding{}
	var failed ChecksFailed
	for _, p := range plans {
		findings, err := s.checkPlan(p, max(o.Jobs, 1))
		if err != nil {
			return fmt.Errorf("check %s: %w", p.Name, err)
		}
		slices.SortFunc(findings, check.Compare)
		for _, f := range findings {
			if f.Severity == check.Error {
				failed = append(failed, Finding{p.Name, f})
			} else {
				report.Findings = append(report.Findings, Finding{p.Name, f})
			}
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// writeAll writes the trees, or compares them. All of them are looked at before the first is written, and all that
// cannot be written are named.
func (s *session) writeAll(plans []*plan, o Options, report *Report) error {
	states := make([]*tree.State, len(plans))
	failures := make([]error, len(plans))
	report.Clusters = make([]ClusterReport, len(plans))
	var unlocks []func()
	defer func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}()
	var group sync.WaitGroup
	for i, p := range plans {
		dir := p.renderedDir(o.Root)
		if !o.Check {
			unlock, err := tree.Lock(dir)
			if err != nil {
				failures[i] = notWritable(p, err)
				continue
			}
			unlocks = append(unlocks, unlock)
		}
		group.Go(func() {
			if states[i], failures[i] = tree.Read(dir); failures[i] != nil {
				failures[i] = notWritable(p, failures[i])
				return
			}
			report.Clusters[i], failures[i] = s.compare(p, states[i], o)
		})
	}
	group.Wait()
	if err := joined(failures); err != nil || o.Check {
		return err
	}
	var written []string
	for i, p := range plans {
		if report.Clusters[i].UpToDate {
			continue
		}
		if err := states[i].Write(s.folders(p)); err != nil {
			failure := notWritable(p, err)
			if len(written) > 0 {
				failure.Reason += "; written before it: " + strings.Join(written, ", ")
			}
			return failure
		}
		written = append(written, p.Name)
	}
	return nil
}

// notWritable names the cluster's folder as the user would, and keeps the names of temporary files to itself.
func notWritable(p *plan, err error) NotWritable {
	var inFile *fs.PathError
	var inLink *os.LinkError
	switch {
	case errors.As(err, &inFile):
		return NotWritable{fmt.Sprintf("%s cannot be written: %v", p.renderedPath(""), inFile.Err)}
	case errors.As(err, &inLink):
		return NotWritable{fmt.Sprintf("%s cannot be written: %v", p.renderedPath(""), inLink.Err)}
	default:
		return NotWritable{strings.ReplaceAll(err.Error(), p.repo.Root+string(filepath.Separator), "")}
	}
}

// joined is one error of all failures; whatever is no refusal comes alone.
func joined(failures []error) error {
	var reasons []string
	for _, failure := range failures {
		var refused NotWritable
		switch {
		case errors.As(failure, &refused):
			reasons = append(reasons, refused.Reason)
		case failure != nil:
			return failure
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return NotWritable{strings.Join(reasons, "\n")}
}

// renderedDir is the folder on disk that the cluster's files go to.
func (p *plan) renderedDir(root string) string {
	return filepath.Join(root, filepath.FromSlash(p.renderedPath("")))
}

func (s *session) folders(p *plan) []tree.Folder {
	var folders []tree.Folder
	for _, u := range p.units {
		if !u.empty() {
			folders = append(folders, u.folder(s))
		}
	}
	return folders
}

func (s *session) compare(p *plan, state *tree.State, o Options) (ClusterReport, error) {
	folders := s.folders(p)
	report := ClusterReport{
		Name: p.Name, Path: p.renderedPath(""), Units: len(folders), UpToDate: state.UpToDate(folders),
		// Lists are never null, so that programs may go over them.
		Changes: append([]tree.Change{}, state.Changes(folders)...), Edited: append([]string{}, state.Edited...), Dropped: []string{},
		// Files beside a damaged index look foreign, but are written anew.
		Foreign: state.LeftAlone(folders),
	}
	for _, u := range p.units {
		report.Objects += u.result.Objects
		report.Files += len(u.result.Files)
		report.Dropped = append(report.Dropped, u.result.Dropped...)
	}
	if o.Check {
		var err error
		report.Diff, err = s.diff(p, state, report.Changes)
		return report, err
	}
	return report, writable(report, state, folders, o.Force)
}

// writable refuses to overwrite what somebody else wrote.
func writable(report ClusterReport, state *tree.State, folders []tree.Folder, force bool) error {
	if occupied := state.Occupied(folders); len(occupied) > 0 {
		return NotWritable{fmt.Sprintf("%s: these files are not opsgen's, but stand where it must write; move them away:\n  %s",
			report.Path, strings.Join(occupied, "\n  "))}
	}
	if force {
		return nil
	}
	if len(state.Edited) > 0 {
		return NotWritable{fmt.Sprintf("%s: these files were edited by hand:\n  %s\nMove the changes to clusters/%s/patches/, then discard them here with --force.",
			report.Path, strings.Join(state.Edited, "\n  "), report.Name)}
	}
	if len(state.Damaged) > 0 {
		return NotWritable{fmt.Sprintf("%s: these indexes cannot be read, perhaps after a merge:\n  %s\nRender anew with --force.",
			report.Path, strings.Join(state.Damaged, "\n  "))}
	}
	return nil
}

// UpToDate says that no cluster's files had to change.
func (r *Report) UpToDate() bool {
	for _, c := range r.Clusters {
		if !c.UpToDate {
			return false
		}
	}
	return true
}

// Summary counts the changes by kind: "3 new, 1 changed".
func (c *ClusterReport) Summary() string {
	counts := map[string]int{}
	for _, change := range c.Changes {
		counts[change.Kind]++
	}
	var parts []string
	for _, kind := range []string{"new", "changed", "removed"} {
		if counts[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[kind], kind))
		}
	}
	switch {
	case len(parts) > 0:
	case c.UpToDate:
		return "nothing changed"
	default: // an index.json was changed or lost, or a folder of one is left over
		return "indexes changed"
	}
	return strings.Join(parts, ", ")
}
