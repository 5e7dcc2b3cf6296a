package jsonnet

import (
	"github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
)

// Parameters are the names of the parameters of the function that a file yields; none where it yields none, or cannot be
// parsed.
func Parameters(file, text string) []string {
	node, err := jsonnet.SnippetToAST(file, text)
	if err != nil {
		return nil
	}
	for {
		local, ok := node.(*ast.Local)
		if !ok {
			break
		}
		node = local.Body
	}
	function, ok := node.(*ast.Function)
	if !ok {
		return nil
	}
	var names []string
	for _, parameter := range function.Parameters {
		names = append(names, string(parameter.Name))
	}
	return names
}
