package chart

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
	"text/template/parse"

	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// forbidden are template functions whose result is not the same at every time and on every machine, with the reason.
func forbidden(function string) string {
	switch function {
	case "randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes", "randInt", "shuffle", "uuidv4":
		return "is random"
	case "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert",
		"genSignedCertWithKey", "bcrypt", "htpasswd", "encryptAES":
		return "makes a new secret at every render"
	case "now", "ago", "durationRound":
		return "reads the clock"
	case "date", "date_in_zone", "dateInZone", "htmlDate", "htmlDateInZone", "toDate", "mustToDate":
		return "depends on the clock or the machine's time zone"
	case "env", "expandenv", "getHostByName":
		return "depends on the machine"
	default:
		return ""
	}
}

// findings are what is to be known of a chart's templates beside their output.
type findings struct {
	reports []string
	// unstable says that the templates use something whose result this inspection cannot foresee.
	unstable bool
}

// inspect walks all templates that a render may run through, and refuses forbidden functions.
func inspect(chart *helm.Chart, values any, allowed []string) (findings, error) {
	trees, roots, err := parseTemplates(chart)
	if err != nil {
		return findings{}, err
	}
	i := inspector{trees: trees, allowed: allowed, seen: map[string]bool{}}
	for _, root := range roots {
		i.reach(root)
	}
	if i.evaluates {
		i.values(values, "")
	}
	if len(i.refused) > 0 {
		sort.Strings(i.refused)
		return findings{}, errors.New("it would not render the same twice:\n  " + strings.Join(slices.Compact(i.refused), "\n  ") +
			"\n  Choose values that the chart does not make up itself. Where the place is not reached with your values, name the function in chart.allowFunctions of component.yaml.")
	}
	sort.Strings(i.reports)
	return findings{reports: slices.Compact(i.reports), unstable: i.unstable}, nil
}

// parseTemplates returns every named template, and the names of those that are rendered by themselves. The order is the
// engine's, in which a later definition of a name replaces an earlier one.
func parseTemplates(chart *helm.Chart) (map[string]*parse.Tree, []string, error) {
	files := map[string]string{}
	collect(chart, files)
	names := slices.Sorted(maps.Keys(files))
	sort.SliceStable(names, func(i, j int) bool {
		if a, b := strings.Count(names[i], "/"), strings.Count(names[j], "/"); a != b {
			return a > b
		}
		return names[i] > names[j]
	})
	trees := map[string]*parse.Tree{}
	var roots []string
	for _, name := range names {
		set, err := parseText(name, files[name])
		if err != nil {
			return nil, nil, err
		}
		for defined, tree := range set {
			if _, known := trees[defined]; !known || !parse.IsEmptyTree(tree.Root) {
				trees[defined] = tree
			}
		}
		if !strings.HasPrefix(path.Base(name), "_") {
			roots = append(roots, name)
		}
	}
	return trees, roots, nil
}

func parseText(name, text string) (map[string]*parse.Tree, error) {
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	set := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", set); err != nil {
		return nil, err
	}
	return set, nil
}

// collect gathers the text of all templates, of subcharts too; of library charts only what can be included.
func collect(chart *helm.Chart, files map[string]string) {
	library := strings.EqualFold(chart.Metadata.Type, "library")
	for _, file := range chart.Templates {
		if !library || strings.HasPrefix(path.Base(file.Name), "_") {
			files[path.Join(chart.ChartFullPath(), file.Name)] = string(file.Data)
		}
	}
	for _, dependency := range chart.Dependencies() {
		collect(dependency, files)
	}
}

type inspector struct {
	trees   map[string]*parse.Tree
	allowed []string
	seen    map[string]bool
	refused []string
	reports []string
	// unstable and evaluates (a template runs text from values as a template) are found on the way.
	unstable, evaluates bool
}

// reach walks a named template once.
func (i *inspector) reach(name string) {
	tree, found := i.trees[name]
	if !found || i.seen[name] {
		return
	}
	i.seen[name] = true
	i.walk(tree, tree.Root)
}

// reachAll is for an include whose name is computed.
func (i *inspector) reachAll() {
	for _, name := range slices.Sorted(maps.Keys(i.trees)) {
		i.reach(name)
	}
}

func (i *inspector) walk(tree *parse.Tree, node parse.Node) {
	switch node := node.(type) {
	case *parse.ListNode:
		if node == nil {
			return
		}
		for _, child := range node.Nodes {
			i.walk(tree, child)
		}
	case *parse.ActionNode:
		i.walk(tree, node.Pipe)
	case *parse.IfNode:
		i.branch(tree, &node.BranchNode)
	case *parse.RangeNode:
		i.branch(tree, &node.BranchNode)
	case *parse.WithNode:
		i.branch(tree, &node.BranchNode)
	case *parse.TemplateNode:
		i.walk(tree, node.Pipe)
		i.reach(node.Name)
	case *parse.PipeNode:
		if node == nil {
			return
		}
		for _, command := range node.Cmds {
			i.command(tree, command)
		}
	case *parse.ChainNode:
		i.walk(tree, node.Node)
	case *parse.IdentifierNode:
		i.function(tree, node)
	}
}

func (i *inspector) branch(tree *parse.Tree, node *parse.BranchNode) {
	i.walk(tree, node.Pipe)
	i.walk(tree, node.List)
	i.walk(tree, node.ElseList)
}

// command looks at a call with its arguments: the name that include is given says where it goes.
func (i *inspector) command(tree *parse.Tree, node *parse.CommandNode) {
	for _, argument := range node.Args {
		i.walk(tree, argument)
	}
	function, ok := node.Args[0].(*parse.IdentifierNode)
	if !ok || function.Ident != "include" {
		return
	}
	if len(node.Args) > 1 {
		if name, constant := node.Args[1].(*parse.StringNode); constant {
			i.reach(name.Text)
			return
		}
		// Files below BasePath are rendered by themselves, and so are walked anyway.
		if strings.Contains(node.Args[1].String(), "BasePath") {
			return
		}
	}
	i.reachAll()
	i.unstable = true
}

func (i *inspector) function(tree *parse.Tree, node *parse.IdentifierNode) {
	switch node.Ident {
	case "keys", "values":
		i.unstable = true
	case "tpl":
		i.unstable, i.evaluates = true, true
	case "lookup":
		i.reports = append(i.reports, i.place(tree, node)+": lookup finds nothing, because a render asks no cluster")
	}
	if slices.Contains(i.allowed, node.Ident) {
		return
	}
	if reason := forbidden(node.Ident); reason != "" {
		i.refused = append(i.refused, fmt.Sprintf("%s: %s %s", i.place(tree, node), node.Ident, reason))
	}
}

// place is file and line.
func (i *inspector) place(tree *parse.Tree, node parse.Node) string {
	location, _ := tree.ErrorContext(node)
	if last := strings.LastIndex(location, ":"); last > 0 && strings.Count(location, ":") > 1 {
		location = location[:last]
	}
	return location
}

// values looks into texts among the values that tpl may run. Text that is no template is nothing to worry about.
func (i *inspector) values(value any, place string) {
	switch value := value.(type) {
	case chartutil.Values:
		i.values(value.AsMap(), place)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			i.values(value[key], strings.TrimPrefix(place+"."+key, "."))
		}
	case []any:
		for n, item := range value {
			i.values(item, fmt.Sprintf("%s[%d]", place, n))
		}
	case string:
		if !strings.Contains(value, "{{") {
			return
		}
		if set, err := parseText("values "+place, value); err == nil {
			for _, name := range slices.Sorted(maps.Keys(set)) {
				i.walk(set[name], set[name].Root)
			}
		}
	}
}
