package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func (c *cluster) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	given := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, Description: text}
	}
	resp.Schema = schema.Schema{
		Description: "A Kubernetes cluster on this computer, without machines.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{isName{}},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"kubernetes_version": schema.StringAttribute{Required: true, Description: "Such as 1.37.2."},
			"domain":             schema.StringAttribute{Required: true, Description: "The cluster's DNS answers it and its subdomains with the ingress."},
			"volumes": schema.SetAttribute{
				ElementType: types.StringType, Optional: true, Computed: true,
				Default:     setdefault.StaticValue(types.SetValueMust(types.StringType, []attr.Value{})),
				Description: "Names of the volumes that its machines see.",
			},
			"ports": schema.SetNestedAttribute{
				Optional: true, Computed: true,
				Default:     setdefault.StaticValue(types.SetValueMust(portType, []attr.Value{})),
				Description: "Ports of this computer that lead to a NodePort.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"host": schema.Int64Attribute{Required: true, Validators: []validator.Int64{port{}}},
					"node": schema.Int64Attribute{Required: true, Validators: []validator.Int64{port{}}},
					"address": schema.StringAttribute{Optional: true, Description: "Address of this computer; the loopback when left out. 0.0.0.0: all."},
				}},
			},
			"links": schema.SetNestedAttribute{
				Optional: true, Computed: true,
				Default:     setdefault.StaticValue(types.SetValueMust(linkType, []attr.Value{})),
				Description: "Ports of the cluster's own address (dns) that lead to a NodePort of the first cluster.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"port": schema.Int64Attribute{Required: true, Validators: []validator.Int64{port{}}},
					"node": schema.Int64Attribute{Required: true, Validators: []validator.Int64{port{}}},
				}},
			},
			"state":         given("creating, ready or failed."),
			"kubeconfig":    schema.StringAttribute{Computed: true, Sensitive: true, Description: "Of the administrator."},
			"api_server":    given("URL of the API server."),
			"registry_push": given("Registry as this computer sees it."),
			"registry_pull": given("Registry as the machines see it."),
			"dns":           given("Address of the cluster's DNS server."),
			"gateway_url":   given("Where the engine inside the cluster orders machines and volumes."),
			"gateway_ca":    given("PEM of the authority of gateway_url."),
			"ca":            given("PEM of the cluster's authority."),
		},
	}
}
