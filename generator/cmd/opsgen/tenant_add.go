package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/tenant"
)

var (
	//go:embed tenant.yaml.tmpl
	tenantTemplate string
	//go:embed tenant_rules.yaml.tmpl
	exampleRules string
	//go:embed tenant_tests.yaml.tmpl
	exampleTests string
)

// newTenant is what the template of a new tenant.yaml knows.
type newTenant struct {
	Name, ID, DisplayName, Class string
	Owners, Clusters             []string
	// Classes tells what the classes are.
	Classes string

	yes, reuseData bool
}

func newTenantAddCommand(a *app) *cobra.Command {
	var t newTenant
	cmd := &cobra.Command{
		Use:   "add NAME --owner OWNER --clusters CLUSTER,…",
		Short: "Write the folder of a new tenant",
		Long: `Add writes tenants/NAME/ with a commented tenant.yaml, an example of a rule and its test. On a terminal it asks for
what was not given. It never overwrites anything.

The tenant gets an ID of its own in Cortex and Loki. A tenant of this name that was removed keeps its data to itself,
unless --reuse-data says that the new one is to have it.`,
		Example: `  opsgen tenant add payments --owner @acme/payments --clusters prod
  opsgen tenant add search --owner @acme/search --clusters prod,staging --class medium --yes`,
		Args: oneArgument("the name of the new tenant"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			t.Name = arguments[0]
			return a.addTenant(cmd, t)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&t.Owners, "owner", nil, "a person or group that answers for the tenant; may be repeated")
	flags.StringSliceVar(&t.Clusters, "clusters", nil, `the clusters that it lives on, or "*" for every one`)
	flags.StringVar(&t.Class, "class", "", "small, medium or large (default small)")
	flags.StringVar(&t.DisplayName, "display-name", "", "what people see (default: the name)")
	flags.BoolVar(&t.yes, "yes", false, "ask nothing")
	flags.BoolVar(&t.reuseData, "reuse-data", false, "take over the data of the removed tenant of this name")
	a.completes(cmd, "class", cobra.FixedCompletions(classNames(), cobra.ShellCompDirectiveNoFileComp))
	a.completes(cmd, "clusters", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.completeClusters(cmd, nil, "")
	})
	a.completes(cmd, "owner", cobra.NoFileCompletions)
	a.completes(cmd, "display-name", cobra.NoFileCompletions)
	return cmd
}

func classNames() []string {
	var names []string
	for _, class := range tenant.Classes() {
		names = append(names, class.Name)
	}
	return names
}

// describeClasses tells what the classes are, on one line.
func describeClasses() string {
	var texts []string
	for _, class := range tenant.Classes() {
		texts = append(texts, fmt.Sprintf("%s (%s series, %s of logs a day)", class.Name, class.ActiveSeries, class.BytesPerDay))
	}
	return strings.Join(texts, ", ")
}

func (a *app) addTenant(cmd *cobra.Command, t newTenant) error {
	if err := tenant.CheckNewName(t.Name); err != nil {
		return err
	}
	root, err := a.root()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(root, "tenants", t.Name)); err == nil {
		return usage("tenants/%s exists already; edit it, or choose another name", t.Name)
	}
	repo, err := a.loadRepository(nil)
	if err != nil {
		return err
	}
	if !t.yes && onTerminal(cmd.InOrStdin()) {
		if err := t.ask(cmd.InOrStdin(), a.stderr, repo.ClusterNames); err != nil {
			return err
		}
	}
	if err := t.complete(repo.ClusterNames); err != nil {
		return err
	}
	removed, err := t.chooseID(repo)
	if err != nil {
		return err
	}
	files, err := t.files()
	if err != nil {
		return err
	}
	if err := writeFolder(root, "tenants/"+t.Name, files); err != nil {
		return err
	}
	if t.reuseData {
		if err := writeRemoved(root, removed); err != nil {
			return err
		}
	}
	return a.reportTenant(t)
}

// ask asks for what no flag gave. An empty answer takes what is in brackets.
func (t *newTenant) ask(in io.Reader, out io.Writer, clusters []string) error {
	lines := bufio.NewScanner(in)
	question := func(text, preset string) (string, error) {
		if preset != "" {
			text += " [" + preset + "]"
		}
		fmt.Fprintf(out, "%s: ", text)
		if !lines.Scan() {
			return "", errors.Join(errors.New("stopped; nothing was written"), lines.Err())
		}
		if answer := strings.TrimSpace(lines.Text()); answer != "" {
			return answer, nil
		}
		return preset, nil
	}
	list := func(into *[]string, text, preset string) error {
		if len(*into) > 0 {
			return nil
		}
		answer, err := question(text, preset)
		*into = strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ' ' })
		return err
	}
	preset := ""
	if len(clusters) == 1 {
		preset = clusters[0]
	}
	if err := list(&t.Owners, "owner, such as @acme/"+t.Name, ""); err != nil {
		return err
	}
	if err := list(&t.Clusters, "clusters, of "+strings.Join(clusters, ", "), preset); err != nil {
		return err
	}
	if t.Class != "" {
		return nil
	}
	var err error
	t.Class, err = question("class: "+describeClasses(), tenant.Small)
	return err
}

// complete checks what was given, all of it at once, and fills in what follows from it.
func (t *newTenant) complete(clusters []string) error {
	var problems []error
	if len(t.Owners) == 0 {
		problems = append(problems, usage("--owner is missing; write who answers for the tenant, such as @acme/%s", t.Name))
	}
	if len(t.Clusters) == 0 {
		problems = append(problems, usage(`--clusters is missing; write some of %s, or "*" for every one`, strings.Join(clusters, ", ")))
	}
	for _, name := range t.Clusters {
		if name != tenant.Everywhere && !slices.Contains(clusters, name) {
			problems = append(problems, usage("--clusters: there is no cluster %q%s", name, suggestion(name, clusters, "; clusters are ")))
		}
	}
	if t.Class != "" && !slices.Contains(classNames(), t.Class) {
		problems = append(problems, usage("--class is %q%s", t.Class, suggestion(t.Class, classNames(), "; write one of ")))
	}
	orDefault(&t.Class, tenant.Small)
	orDefault(&t.DisplayName, strings.ToUpper(t.Name[:1])+t.Name[1:])
	t.Classes = describeClasses()
	return errors.Join(problems...)
}

// chooseID gives the tenant an ID that nobody had, or that of the removed tenant of its name. It answers which removed
// tenants are left then.
func (t *newTenant) chooseID(repo *repository.Repository) ([]repository.Removed, error) {
	t.ID = tenant.NewID(t.Name)
	if !t.reuseData {
		return nil, nil
	}
	removed := slices.Clone(repo.Removed)
	for i := len(removed) - 1; i >= 0; i-- {
		if removed[i].Name == t.Name && removed[i].Erase {
			return nil, usage("--reuse-data: the data of tenant %s (ID %s) is being deleted; leave the flag out", t.Name, removed[i].ID)
		}
		if removed[i].Name == t.Name {
			t.ID = removed[i].ID
			return slices.Delete(removed, i, i+1), nil
		}
	}
	return nil, usage("--reuse-data: %s knows no removed tenant %q; if its folder was deleted by hand, take its id from Git's history and write it into tenant.yaml", repository.RemovedFile, t.Name)
}

// files are the new folder's. They are read as a render would read them before anything is written.
func (t *newTenant) files() (map[string]string, error) {
	parsed, err := template.New(tenant.FileName).Parse(tenantTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the template of tenant.yaml: %w", err)
	}
	var text strings.Builder
	if err := parsed.Execute(&text, t); err != nil {
		return nil, fmt.Errorf("write tenant.yaml: %w", err)
	}
	if err := repository.CheckTenant(t.Name, []byte(text.String())); err != nil {
		return nil, err
	}
	return map[string]string{
		tenant.FileName:                          text.String(),
		tenant.RulesFolder + "/example.yaml":     exampleRules,
		tenant.RuleTestsFolder + "/example.yaml": exampleTests,
	}, nil
}

func writeRemoved(root string, removed []repository.Removed) error {
	text, err := repository.RemovedText(removed)
	if err != nil {
		return fmt.Errorf("write %s: %w", repository.RemovedFile, err)
	}
	return replaceFile(root, repository.RemovedFile, text)
}

func (a *app) reportTenant(t newTenant) error {
	folder := "tenants/" + t.Name
	if a.json() {
		return a.writeJSON(map[string]any{"tenant": t.Name, "id": t.ID, "wrote": []string{
			folder + "/" + tenant.FileName, folder + "/" + tenant.RulesFolder + "/example.yaml", folder + "/" + tenant.RuleTestsFolder + "/example.yaml",
		}})
	}
	limits := ""
	for _, class := range tenant.Classes() {
		if class.Name == t.Class {
			limits = fmt.Sprintf("limits: class %s (%s series, %s of logs a day)", class.Name, class.ActiveSeries, class.BytesPerDay)
		}
	}
	fmt.Fprintf(a.stdout, "wrote %s/tenant.yaml        %s\nwrote %s/rules/example.yaml and its test\n", folder, limits, folder)
	if t.reuseData {
		fmt.Fprintf(a.stdout, "it has the data of ID %s; %s no longer keeps it\n", t.ID, repository.RemovedFile)
	}
	_, err := fmt.Fprintln(a.stdout, "next: opsgen render && git add tenants clusters && open a pull request")
	return err
}
