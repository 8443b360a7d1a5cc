package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type machineModel struct {
	Cluster   types.String  `tfsdk:"cluster"`
	Name      types.String  `tfsdk:"name"`
	Cores     types.Float64 `tfsdk:"cores"`
	MemoryGB  types.Float64 `tfsdk:"memory_gb"`
	Role      types.String  `tfsdk:"role"`
	Labels    types.Map     `tfsdk:"labels"`
	Taints    types.Set     `tfsdk:"taints"`
	Simulated types.Bool    `tfsdk:"simulated"`
	GPU       types.Int64   `tfsdk:"gpu"`
	Address   types.String  `tfsdk:"address"`
	State     types.String  `tfsdk:"state"`
}

type taintModel struct {
	Key    string `tfsdk:"key" json:"key"`
	Value  string `tfsdk:"value" json:"value"`
	Effect string `tfsdk:"effect" json:"effect"`
}

var taintType = types.ObjectType{AttrTypes: attrTypes{
	"key": types.StringType, "value": types.StringType, "effect": types.StringType,
}}

type machineOrder struct {
	Cores     float64           `json:"cores"`
	MemoryGB  float64           `json:"memoryGb"`
	Role      string            `json:"role"`
	Labels    map[string]string `json:"labels"`
	Taints    []taintModel      `json:"taints"`
	Simulated bool              `json:"simulated"`
	GPU       int64             `json:"gpu,omitempty"`
}

type machineBody struct {
	machineOrder
	progress
	Address string `json:"address"`
}

func (m machineModel) path() string {
	return machinePath(m.Cluster.ValueString(), m.Name.ValueString())
}
func (m machineModel) what() string {
	return "machine " + m.Name.ValueString() + " of cluster " + m.Cluster.ValueString()
}

func (m machineModel) order(ctx context.Context) (machineOrder, diag.Diagnostics) {
	order := machineOrder{
		Cores: m.Cores.ValueFloat64(), MemoryGB: m.MemoryGB.ValueFloat64(), Role: m.Role.ValueString(),
		Labels: map[string]string{}, Taints: []taintModel{}, Simulated: m.Simulated.ValueBool(), GPU: m.GPU.ValueInt64(),
	}
	problems := m.Labels.ElementsAs(ctx, &order.Labels, false)
	problems.Append(m.Taints.ElementsAs(ctx, &order.Taints, false)...)
	return order, problems
}

func machineFrom(ctx context.Context, known machineModel, seen machineBody) (machineModel, diag.Diagnostics) {
	if seen.Labels == nil {
		seen.Labels = map[string]string{}
	}
	labels, problems := types.MapValueFrom(ctx, types.StringType, seen.Labels)
	taints, more := types.SetValueFrom(ctx, taintType, orEmpty(seen.Taints))
	problems.Append(more...)
	return machineModel{
		Cluster: known.Cluster, Name: known.Name,
		Cores: types.Float64Value(seen.Cores), MemoryGB: types.Float64Value(seen.MemoryGB),
		Role: types.StringValue(seen.Role), Labels: labels, Taints: taints,
		Simulated: types.BoolValue(seen.Simulated), GPU: types.Int64Value(seen.GPU),
		Address: types.StringValue(seen.Address), State: types.StringValue(seen.State),
	}, problems
}
