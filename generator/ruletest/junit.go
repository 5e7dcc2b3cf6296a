package ruletest

import (
	"encoding/xml"
	"fmt"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	File     string      `xml:"file,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string         `xml:"name,attr"`
	Classname string         `xml:"classname,attr"`
	Time      string         `xml:"time,attr"`
	Failures  []junitFailure `xml:"failure,omitempty"`
	Error     *junitFailure  `xml:"error,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit is the report in the XML form that CI systems read. A file that could not be run is one case with an error.
func (r *Report) JUnit() ([]byte, error) {
	all := junitSuites{Suites: []junitSuite{}}
	for _, s := range r.Suites {
		suite := junitSuite{Name: s.File, File: s.File}
		if len(s.Problems) > 0 {
			failure := &junitFailure{Message: s.Problems[0].Message, Text: s.Problems.Error()}
			suite.Cases = append(suite.Cases, junitCase{Name: "file", Classname: s.File, Time: "0", Error: failure})
			suite.Errors++
		}
		for _, c := range s.Cases {
			entry := junitCase{Name: c.Name, Classname: s.File, Time: fmt.Sprintf("%.3f", c.Seconds)}
			for _, f := range c.Failures {
				entry.Failures = append(entry.Failures, junitFailure{Message: fmt.Sprintf("%s:%d", s.File, f.Line), Text: f.Message})
			}
			if len(entry.Failures) > 0 {
				suite.Failures++
			}
			suite.Cases = append(suite.Cases, entry)
		}
		suite.Tests = len(suite.Cases)
		all.Tests, all.Failures, all.Errors = all.Tests+suite.Tests, all.Failures+suite.Failures, all.Errors+suite.Errors
		all.Suites = append(all.Suites, suite)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the tests' results as JUnit XML: %w", err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}
