package main

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// terraform does what Terraform does, by the same protocol: read, plan, and apply what was planned.
type terraform struct {
	t      *testing.T
	server tfprotov6.ProviderServer
	types  map[string]tftypes.Type
}

func startTerraform(t *testing.T, endpoint string) *terraform {
	server := providerserver.NewProtocol6(newProvider())()
	schemas, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	must(t, err)
	tf := &terraform{t: t, server: server, types: map[string]tftypes.Type{}}
	for name, schema := range schemas.ResourceSchemas {
		tf.types[name] = schema.ValueType()
	}
	configType := schemas.Provider.ValueType()
	config := tf.encode(configType, `{"endpoint":"`+endpoint+`","timeout_seconds":5}`)
	configured, err := server.ConfigureProvider(context.Background(), &tfprotov6.ConfigureProviderRequest{Config: config})
	must(t, err)
	if said := words(configured.Diagnostics, tfprotov6.DiagnosticSeverityError); said != "" {
		t.Fatal(said)
	}
	return tf
}

// outcome is what an apply led to. A nil state: the thing is gone.
type outcome struct {
	state    *tfprotov6.DynamicValue
	changed  bool
	replaced bool
	errors   string
	warnings string
}

func (tf *terraform) apply(kind string, prior *tfprotov6.DynamicValue, config string) outcome {
	tf.t.Helper()
	planned, replaced := tf.plan(kind, prior, config)
	if replaced {
		gone := tf.destroy(kind, prior)
		if gone.errors != "" {
			return gone
		}
		planned, _ = tf.plan(kind, nil, config)
		prior = nil
	}
	if prior != nil && tf.same(kind, prior, planned) {
		return outcome{state: prior}
	}
	done := tf.change(kind, prior, planned, tf.encode(tf.types[kind], config))
	done.changed, done.replaced = true, replaced
	return done
}

func (tf *terraform) plan(kind string, prior *tfprotov6.DynamicValue, config string) (*tfprotov6.DynamicValue, bool) {
	tf.t.Helper()
	given := tf.encode(tf.types[kind], config)
	answer, err := tf.server.PlanResourceChange(context.Background(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: kind, PriorState: tf.orNull(kind, prior), Config: given, ProposedNewState: tf.proposed(kind, prior, given),
	})
	must(tf.t, err)
	if said := words(answer.Diagnostics, tfprotov6.DiagnosticSeverityError); said != "" {
		tf.t.Fatal(said)
	}
	return answer.PlannedState, prior != nil && len(answer.RequiresReplace) > 0
}

// proposed: what the configuration leaves open keeps its value, as Terraform's core proposes it.
func (tf *terraform) proposed(kind string, prior, given *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	if prior == nil {
		return given
	}
	before, now := tf.attributes(kind, prior), tf.attributes(kind, given)
	for name, value := range now {
		if value.IsNull() {
			now[name] = before[name]
		}
	}
	merged, err := tfprotov6.NewDynamicValue(tf.types[kind], tftypes.NewValue(tf.types[kind], now))
	must(tf.t, err)
	return &merged
}

func (tf *terraform) change(kind string, prior, planned, config *tfprotov6.DynamicValue) outcome {
	answer, err := tf.server.ApplyResourceChange(context.Background(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: kind, PriorState: tf.orNull(kind, prior), PlannedState: planned, Config: config,
	})
	must(tf.t, err)
	return outcome{
		state:    tf.unlessNull(kind, answer.NewState),
		errors:   words(answer.Diagnostics, tfprotov6.DiagnosticSeverityError),
		warnings: words(answer.Diagnostics, tfprotov6.DiagnosticSeverityWarning),
	}
}

func (tf *terraform) destroy(kind string, prior *tfprotov6.DynamicValue) outcome {
	nothing := tf.orNull(kind, nil)
	return tf.change(kind, prior, nothing, nothing)
}

func (tf *terraform) read(kind string, state *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	tf.t.Helper()
	answer, err := tf.server.ReadResource(context.Background(), &tfprotov6.ReadResourceRequest{TypeName: kind, CurrentState: state})
	must(tf.t, err)
	if said := words(answer.Diagnostics, tfprotov6.DiagnosticSeverityError); said != "" {
		tf.t.Fatal(said)
	}
	return tf.unlessNull(kind, answer.NewState)
}

func (tf *terraform) importBy(kind, id string) (*tfprotov6.DynamicValue, string) {
	answer, err := tf.server.ImportResourceState(context.Background(), &tfprotov6.ImportResourceStateRequest{TypeName: kind, ID: id})
	must(tf.t, err)
	if said := words(answer.Diagnostics, tfprotov6.DiagnosticSeverityError); said != "" {
		return nil, said
	}
	return tf.read(kind, answer.ImportedResources[0].State), ""
}

func (tf *terraform) text(kind string, state *tfprotov6.DynamicValue, attribute string) string {
	tf.t.Helper()
	var text string
	must(tf.t, tf.attributes(kind, state)[attribute].As(&text))
	return text
}

func (tf *terraform) attributes(kind string, state *tfprotov6.DynamicValue) map[string]tftypes.Value {
	value, err := state.Unmarshal(tf.types[kind])
	must(tf.t, err)
	found := map[string]tftypes.Value{}
	must(tf.t, value.As(&found))
	return found
}

func (tf *terraform) same(kind string, a, b *tfprotov6.DynamicValue) bool {
	before, err := a.Unmarshal(tf.types[kind])
	must(tf.t, err)
	after, err := b.Unmarshal(tf.types[kind])
	must(tf.t, err)
	return before.Equal(after)
}

func (tf *terraform) encode(kind tftypes.Type, text string) *tfprotov6.DynamicValue {
	tf.t.Helper()
	value, err := tftypes.ValueFromJSON([]byte(text), kind) //nolint:staticcheck // a test's short way to a typed value
	must(tf.t, err)
	encoded, err := tfprotov6.NewDynamicValue(kind, value)
	must(tf.t, err)
	return &encoded
}

func (tf *terraform) orNull(kind string, value *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	if value != nil {
		return value
	}
	null, err := tfprotov6.NewDynamicValue(tf.types[kind], tftypes.NewValue(tf.types[kind], nil))
	must(tf.t, err)
	return &null
}

func (tf *terraform) unlessNull(kind string, value *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	if value == nil {
		return nil
	}
	decoded, err := value.Unmarshal(tf.types[kind])
	must(tf.t, err)
	if decoded.IsNull() {
		return nil
	}
	return value
}

func words(diagnostics []*tfprotov6.Diagnostic, severity tfprotov6.DiagnosticSeverity) string {
	var said []string
	for _, one := range diagnostics {
		if one.Severity == severity {
			said = append(said, one.Summary+": "+one.Detail)
		}
	}
	return strings.Join(said, "\n")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
