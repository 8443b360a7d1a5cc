package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func (s *standin) PlanResourceChange(_ context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	schema := s.recorded.resources[req.TypeName]
	kind := schema.ValueType()
	prior, err := decode(req.PriorState, kind)
	if err != nil {
		return nil, err
	}
	proposed, err := decode(req.ProposedNewState, kind)
	if err != nil {
		return nil, err
	}
	answer := &tfprotov6.PlanResourceChangeResponse{PlannedState: req.ProposedNewState, UnsafeToUseLegacyTypeSystem: true}
	if proposed.IsNull() {
		return answer, nil
	}
	if !prior.IsNull() {
		answer.RequiresReplace = replaced(s.recorded.Rules[req.TypeName].Replace, prior, proposed)
	}
	answer.PlannedState, err = encode(kind, open(schema.Block, proposed, prior))
	return answer, err
}

// open leaves to the provider what nobody set: unknown until it is applied. Elements of a set keep what the provider
// decided before; elements of lists and the resource itself come with it already.
func open(block *tfprotov6.SchemaBlock, proposed, prior tftypes.Value) tftypes.Value {
	if proposed.IsNull() || !proposed.IsKnown() {
		return proposed
	}
	fields, before := fieldsOf(proposed), map[string]tftypes.Value{}
	if !prior.IsNull() {
		before = fieldsOf(prior)
	}
	for _, attribute := range block.Attributes {
		if attribute.Computed && fields[attribute.Name].IsNull() {
			fields[attribute.Name] = tftypes.NewValue(attribute.Type, tftypes.UnknownValue)
			if decided, has := before[attribute.Name]; has && !decided.IsNull() {
				fields[attribute.Name] = decided
			}
		}
	}
	for _, nested := range block.BlockTypes {
		known := before[nested.TypeName]
		fields[nested.TypeName] = each(fields[nested.TypeName], nested.Nesting, func(element tftypes.Value) tftypes.Value {
			nothing := tftypes.NewValue(element.Type(), nil)
			if nested.Nesting != tfprotov6.SchemaNestedBlockNestingModeSet {
				return open(nested.Block, element, nothing)
			}
			return open(nested.Block, element, sameIn(known, element, nothing))
		})
	}
	return tftypes.NewValue(proposed.Type(), fields)
}

// sameIn finds the element that has everything which this one says.
func sameIn(known, element, otherwise tftypes.Value) tftypes.Value {
	var elements []tftypes.Value
	if known.Type() != nil && !known.IsNull() {
		mustAs(known, &elements)
	}
	for _, one := range elements {
		if hasAll(fieldsOf(one), fieldsOf(element)) {
			return one
		}
	}
	return otherwise
}

func hasAll(held, said map[string]tftypes.Value) bool {
	for name, value := range said {
		if !value.IsNull() && !value.Equal(held[name]) {
			return false
		}
	}
	return true
}

// each changes every element of a nested block.
func each(value tftypes.Value, nesting tfprotov6.SchemaNestedBlockNestingMode, change func(tftypes.Value) tftypes.Value) tftypes.Value {
	if value.IsNull() || !value.IsKnown() {
		return value
	}
	if nesting == tfprotov6.SchemaNestedBlockNestingModeSingle {
		return change(value)
	}
	var elements []tftypes.Value
	mustAs(value, &elements)
	changed := make([]tftypes.Value, 0, len(elements))
	for _, element := range elements {
		changed = append(changed, change(element))
	}
	return tftypes.NewValue(value.Type(), changed)
}

func fieldsOf(value tftypes.Value) map[string]tftypes.Value {
	fields := map[string]tftypes.Value{}
	mustAs(value, &fields)
	return fields
}

func replaced(names []string, prior, proposed tftypes.Value) []*tftypes.AttributePath {
	before, after := fieldsOf(prior), fieldsOf(proposed)
	var paths []*tftypes.AttributePath
	for _, name := range names {
		if !before[name].Equal(after[name]) {
			paths = append(paths, tftypes.NewAttributePath().WithAttributeName(name))
		}
	}
	return paths
}
