package aws

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// TestFakeIsWhatTheSDKKnows compares the fake with the SDK's own models: every call that it answers is one of the service,
// every field that it takes is one of the call, and what the service requires, it misses when it is not given.
func TestFakeIsWhatTheSDKKnows(t *testing.T) {
	credentials(t)
	cloud := awsfake.New(time.Second, time.Second)
	w, err := open(t.Context(), killtest.Direct(cloud))
	if err != nil {
		t.Fatal(err)
	}
	clients := map[string]any{"ec2": w.ec2, "eks": w.eks, "iam": w.iam, "kms": w.kms, "route53": w.route53, "sts": w.sts, "servicequotas": w.limits, "tagging": w.tags, "logs": w.logs, "ssm": w.ssm, "elasticloadbalancing": w.classic, "elasticloadbalancingv2": w.balancers}
	for name, parameters := range cloud.Knows() {
		service, action, _ := strings.Cut(name, ":")
		method := reflect.ValueOf(clients[service]).MethodByName(action)
		if !method.IsValid() {
			t.Errorf("%s has no call %s", service, action)
			continue
		}
		input := reflect.New(method.Type().In(1).Elem())
		for _, field := range parameters.Known {
			if !hasField(input.Elem().Type(), field) {
				t.Errorf("%s: the SDK has no field %s", name, field)
			}
		}
		if len(parameters.Known) == 0 {
			continue
		}
		for _, field := range required(t.Context(), method, input) {
			if !slices.ContainsFunc(parameters.Required, func(f string) bool { return sameField(f, field) }) && !inPath(action, field) {
				t.Errorf("%s: the service requires %s, and the fake does not", name, field)
			}
		}
	}
}

// required are the fields that the SDK misses in an input before it sends it.
func required(ctx context.Context, method, input reflect.Value) []string {
	answer := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
	err, _ := answer[1].Interface().(error)
	var invalid smithy.InvalidParamsError
	if !errors.As(err, &invalid) {
		return nil
	}
	var fields []string
	for _, problem := range invalid.Errs() {
		var field interface{ Field() string }
		if errors.As(problem, &field) {
			fields = append(fields, strings.TrimPrefix(field.Field(), input.Elem().Type().Name()+"."))
		}
	}
	return fields
}

// sameField compares names of fields: the wire begins some with a small letter, and lists have no plural there.
func sameField(wire, field string) bool {
	return strings.EqualFold(wire, field) || strings.EqualFold(wire+"s", field)
}

func hasField(input reflect.Type, wire string) bool {
	for i := range input.NumField() {
		if sameField(wire, input.Field(i).Name) {
			return true
		}
	}
	return false
}

// inPath says that a field of EKS is part of the URL.
func inPath(action, field string) bool {
	names := []string{"ClusterName"}
	switch {
	case strings.HasPrefix(action, "UpdateCluster"):
		names = append(names, "Name")
	case strings.HasPrefix(action, "Update"):
		names = append(names, "NodegroupName", "AddonName", "AssociationId")
	}
	return slices.Contains(names, field)
}

// TestEveryCallIsCompared fails when bootstrap makes a call that the comparison above leaves out.
func TestEveryCallIsCompared(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		if err := upAt("1.34")(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		if found := problems(t, line, "1.35"); found != "" {
			t.Errorf("preflight: %s", found)
		}
		if err := errors.Join(up(t.Context(), line), upWith(singleNAT)(t.Context(), line), down(true)(t.Context(), line)); err != nil {
			t.Fatal(err)
		}
		w, err := open(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Leftovers(t.Context()); err != nil {
			t.Error(err)
		}
		known := cloud.Knows()
		for _, call := range cloud.Calls() {
			if _, compared := known[call]; !compared && !strings.HasPrefix(call, "s3:") {
				t.Errorf("%s is not among what the fake knows", call)
			}
		}
	})
}
