package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type clusterModel struct {
	Name              types.String `tfsdk:"name"`
	KubernetesVersion types.String `tfsdk:"kubernetes_version"`
	Domain            types.String `tfsdk:"domain"`
	Volumes           types.Set    `tfsdk:"volumes"`
	Ports             types.Set    `tfsdk:"ports"`
	Links             types.Set    `tfsdk:"links"`
	State             types.String `tfsdk:"state"`
	Kubeconfig        types.String `tfsdk:"kubeconfig"`
	APIServer         types.String `tfsdk:"api_server"`
	RegistryPush      types.String `tfsdk:"registry_push"`
	RegistryPull      types.String `tfsdk:"registry_pull"`
	DNS               types.String `tfsdk:"dns"`
	GatewayURL        types.String `tfsdk:"gateway_url"`
	GatewayCA         types.String `tfsdk:"gateway_ca"`
	CA                types.String `tfsdk:"ca"`
}

// clusterComputed are the values that the local cloud chooses.
var clusterComputed = []string{"kubeconfig", "api_server", "registry_push", "registry_pull", "dns", "gateway_url", "gateway_ca", "ca"}

type portModel struct {
	Host int64 `tfsdk:"host" json:"host"`
	Node int64 `tfsdk:"node" json:"node"`
	// Address is nil for the loopback.
	Address *string `tfsdk:"address" json:"address,omitempty"`
}

var portType = types.ObjectType{AttrTypes: attrTypes{
	"host": types.Int64Type, "node": types.Int64Type, "address": types.StringType,
}}

type linkModel struct {
	Port int64 `tfsdk:"port" json:"port"`
	Node int64 `tfsdk:"node" json:"node"`
}

var linkType = types.ObjectType{AttrTypes: attrTypes{"port": types.Int64Type, "node": types.Int64Type}}

// clusterOrder is what is asked for, clusterBody what is answered.
type clusterOrder struct {
	KubernetesVersion string      `json:"kubernetesVersion"`
	Domain            string      `json:"domain"`
	Ports             []portModel `json:"ports"`
	Volumes           []string    `json:"volumes"`
	Links             []linkModel `json:"links"`
}

type clusterBody struct {
	clusterOrder
	progress
	Kubeconfig string `json:"kubeconfig"`
	APIServer  string `json:"apiServer"`
	Registry   struct {
		Push string `json:"push"`
		Pull string `json:"pull"`
	} `json:"registry"`
	DNS     string `json:"dns"`
	Gateway struct {
		URL string `json:"url"`
		CA  string `json:"ca"`
	} `json:"gateway"`
	CA string `json:"ca"`
}

func (m clusterModel) order(ctx context.Context) (clusterOrder, diag.Diagnostics) {
	order := clusterOrder{
		KubernetesVersion: m.KubernetesVersion.ValueString(), Domain: m.Domain.ValueString(),
		Ports: []portModel{}, Volumes: []string{}, Links: []linkModel{},
	}
	problems := m.Ports.ElementsAs(ctx, &order.Ports, false)
	problems.Append(m.Volumes.ElementsAs(ctx, &order.Volumes, false)...)
	problems.Append(m.Links.ElementsAs(ctx, &order.Links, false)...)
	return order, problems
}

func clusterFrom(ctx context.Context, name types.String, seen clusterBody) (clusterModel, diag.Diagnostics) {
	ports, problems := types.SetValueFrom(ctx, portType, orEmpty(seen.Ports))
	volumes, more := types.SetValueFrom(ctx, types.StringType, orEmpty(seen.Volumes))
	problems.Append(more...)
	links, more := types.SetValueFrom(ctx, linkType, orEmpty(seen.Links))
	problems.Append(more...)
	return clusterModel{
		Name:              name,
		KubernetesVersion: types.StringValue(seen.KubernetesVersion),
		Domain:            types.StringValue(seen.Domain),
		Volumes:           volumes,
		Ports:             ports,
		Links:             links,
		State:             types.StringValue(seen.State),
		Kubeconfig:        types.StringValue(seen.Kubeconfig),
		APIServer:         types.StringValue(seen.APIServer),
		RegistryPush:      types.StringValue(seen.Registry.Push),
		RegistryPull:      types.StringValue(seen.Registry.Pull),
		DNS:               types.StringValue(seen.DNS),
		GatewayURL:        types.StringValue(seen.Gateway.URL),
		GatewayCA:         types.StringValue(seen.Gateway.CA),
		CA:                types.StringValue(seen.CA),
	}, problems
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
