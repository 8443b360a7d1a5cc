/** Generated from the server’s own description: `node scripts/openapi.ts`. */

export interface paths {
    "/api/v3/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List accounts by name */
        get: operations["listAccounts"];
        put?: never;
        /** Create an account and order its plan */
        post: operations["createAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/accounts/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show an account */
        get: operations["getAccount"];
        put?: never;
        post?: never;
        /** Remove an account with everything it was given */
        delete: operations["removeAccount"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/accounts/{name}/credentials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show the credentials to their owner or an admin */
        get: operations["getCredentials"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/accounts/{name}/credentials/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replace the API key at once, and database and broker passwords by the command that is answered */
        post: operations["rotateCredentials"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/bootstrap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make the site’s own accounts; again: the same accounts and keys */
        post: operations["bootstrap"];
        /** End the bootstrap key’s power; by itself or by an admin */
        delete: operations["revokeBootstrap"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/commands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List orders, newest first; users see their own */
        get: operations["listCommands"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/commands/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show an order with its steps, what they wait for and what they said */
        get: operations["getCommand"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/commands/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Continue a failed order */
        post: operations["retryCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/commands/{id}/undo": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take back what a failed install has begun */
        post: operations["undoCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v3/deployments/ensure": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make sure of what every active account was delivered, as after a restored site */
        post: operations["ensureDeployments"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Account: {
            /** Format: date-time */
            createdAt: string;
            email: string;
            notebookUrl?: string;
            rights: ("config:impersonate" | "runtime:serve")[];
            /** @enum {string} */
            role: "admin" | "user" | "machine";
            /**
             * @description of what was delivered; accounts without a plan are active
             * @enum {string}
             */
            status: "pending" | "active" | "failed" | "removing" | "removed";
            statusDetail?: string;
            userid: string;
        };
        AccountInput: {
            /** Format: date-time */
            createdAt: string;
            email: string;
            notebookUrl?: string;
            rights: ("config:impersonate" | "runtime:serve")[];
            /** @enum {string} */
            role: "admin" | "user" | "machine";
            /**
             * @description of what was delivered; accounts without a plan are active
             * @enum {string}
             */
            status: "pending" | "active" | "failed" | "removing" | "removed";
            statusDetail?: string;
            userid: string;
        };
        Command: {
            account?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            endedAt?: string;
            id: number;
            /** @description the outcome, or why it waits */
            message?: string;
            params: {
                [key: string]: unknown;
            };
            /** @enum {string} */
            phase: "install" | "update" | "remove";
            plan: string;
            requestedBy: string;
            /** Format: date-time */
            startedAt?: string;
            /** @enum {string} */
            state: "waiting" | "running" | "done" | "failed";
            /** @description 0 initiated, 1 pending, 5 completed, 8 removed, 9 failed */
            status: number;
            undoOf?: number;
        };
        CommandDetails: {
            account?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            endedAt?: string;
            id: number;
            /** @description the outcome, or why it waits */
            message?: string;
            params: {
                [key: string]: unknown;
            };
            /** @enum {string} */
            phase: "install" | "update" | "remove";
            plan: string;
            requestedBy: string;
            /** Format: date-time */
            startedAt?: string;
            /** @enum {string} */
            state: "waiting" | "running" | "done" | "failed";
            /** @description 0 initiated, 1 pending, 5 completed, 8 removed, 9 failed */
            status: number;
            steps: components["schemas"]["Step"][];
            undoOf?: number;
        };
        CommandDetailsInput: {
            account?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            endedAt?: string;
            id: number;
            /** @description the outcome, or why it waits */
            message?: string;
            params: {
                [key: string]: unknown;
            };
            /** @enum {string} */
            phase: "install" | "update" | "remove";
            plan: string;
            requestedBy: string;
            /** Format: date-time */
            startedAt?: string;
            /** @enum {string} */
            state: "waiting" | "running" | "done" | "failed";
            /** @description 0 initiated, 1 pending, 5 completed, 8 removed, 9 failed */
            status: number;
            steps: components["schemas"]["StepInput"][];
            undoOf?: number;
        };
        CommandInput: {
            account?: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            endedAt?: string;
            id: number;
            /** @description the outcome, or why it waits */
            message?: string;
            params: {
                [key: string]: unknown;
            };
            /** @enum {string} */
            phase: "install" | "update" | "remove";
            plan: string;
            requestedBy: string;
            /** Format: date-time */
            startedAt?: string;
            /** @enum {string} */
            state: "waiting" | "running" | "done" | "failed";
            /** @description 0 initiated, 1 pending, 5 completed, 8 removed, 9 failed */
            status: number;
            undoOf?: number;
        };
        CreatedAccount: {
            /** @description sent once here; its owner can ask for it again */
            apikey: string;
            /** @description the order that delivers its plan */
            command?: number;
            /** Format: date-time */
            createdAt: string;
            email: string;
            notebookUrl?: string;
            rights: ("config:impersonate" | "runtime:serve")[];
            /** @enum {string} */
            role: "admin" | "user" | "machine";
            /**
             * @description of what was delivered; accounts without a plan are active
             * @enum {string}
             */
            status: "pending" | "active" | "failed" | "removing" | "removed";
            statusDetail?: string;
            userid: string;
        };
        CreatedAccountInput: {
            /** @description sent once here; its owner can ask for it again */
            apikey: string;
            /** @description the order that delivers its plan */
            command?: number;
            /** Format: date-time */
            createdAt: string;
            email: string;
            notebookUrl?: string;
            rights: ("config:impersonate" | "runtime:serve")[];
            /** @enum {string} */
            role: "admin" | "user" | "machine";
            /**
             * @description of what was delivered; accounts without a plan are active
             * @enum {string}
             */
            status: "pending" | "active" | "failed" | "removing" | "removed";
            statusDetail?: string;
            userid: string;
        };
        Credentials: {
            apikey: string;
            apiUrl: string;
            command?: number;
            notebookUrl: string;
            userid: string;
        };
        CredentialsInput: {
            apikey: string;
            apiUrl: string;
            command?: number;
            notebookUrl: string;
            userid: string;
        };
        Error: {
            error: {
                code: string;
                details?: {
                    [key: string]: unknown;
                };
                kind: string;
                message: string;
                requestId?: string;
            };
        };
        ErrorInput: {
            error: {
                code: string;
                details?: {
                    [key: string]: unknown;
                };
                kind: string;
                message: string;
                requestId?: string;
            };
        };
        NewAccount: {
            email: string;
            /** @description 3 to 30 lower-case letters and digits, beginning with a letter */
            name: string;
            password?: string;
            /** @default [] */
            rights: ("config:impersonate" | "runtime:serve")[];
            /**
             * @default user
             * @enum {string}
             */
            role: "admin" | "user" | "machine";
        };
        NewAccountInput: {
            email: string;
            /** @description 3 to 30 lower-case letters and digits, beginning with a letter */
            name: string;
            password?: string;
            /** @default [] */
            rights: ("config:impersonate" | "runtime:serve")[];
            /**
             * @default user
             * @enum {string}
             */
            role: "admin" | "user" | "machine";
        };
        Removal: {
            command?: number;
            /** Format: date-time */
            createdAt: string;
            email: string;
            notebookUrl?: string;
            rights: ("config:impersonate" | "runtime:serve")[];
            /** @enum {string} */
            role: "admin" | "user" | "machine";
            /**
             * @description of what was delivered; accounts without a plan are active
             * @enum {string}
             */
            status: "pending" | "active" | "failed" | "removing" | "removed";
            statusDetail?: string;
            userid: string;
        };
        RemovalInput: {
            command?: number;
            /** Format: date-time */
            createdAt: string;
            email: string;
            notebookUrl?: string;
            rights: ("config:impersonate" | "runtime:serve")[];
            /** @enum {string} */
            role: "admin" | "user" | "machine";
            /**
             * @description of what was delivered; accounts without a plan are active
             * @enum {string}
             */
            status: "pending" | "active" | "failed" | "removing" | "removed";
            statusDetail?: string;
            userid: string;
        };
        SiteAccount: {
            apikey: string;
            command?: number;
            userid: string;
        };
        SiteAccountInput: {
            apikey: string;
            command?: number;
            userid: string;
        };
        Step: {
            action: string;
            attempts: number;
            /** Format: date-time */
            endedAt?: string;
            message?: string;
            /** @description secrets masked */
            output: string[];
            /** Format: date-time */
            startedAt?: string;
            /** @enum {string} */
            state: "waiting" | "running" | "done" | "failed";
            step: string;
            /** @description what it waits for right now */
            waiting?: string;
        };
        StepInput: {
            action: string;
            attempts: number;
            /** Format: date-time */
            endedAt?: string;
            message?: string;
            /** @description secrets masked */
            output: string[];
            /** Format: date-time */
            startedAt?: string;
            /** @enum {string} */
            state: "waiting" | "running" | "done" | "failed";
            step: string;
            /** @description what it waits for right now */
            waiting?: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listAccounts: {
        parameters: {
            query?: {
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accounts: components["schemas"]["Account"][];
                        next?: string;
                    };
                };
            };
        };
    };
    createAccount: {
        parameters: {
            query?: never;
            header?: {
                /** @description the same key again gives the same answer */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAccountInput"];
            };
        };
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedAccount"];
                };
            };
        };
    };
    getAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
        };
    };
    removeAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removal"];
                };
            };
        };
    };
    getCredentials: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Credentials"];
                };
            };
        };
    };
    rotateCredentials: {
        parameters: {
            query?: never;
            header?: {
                /** @description the same key again gives the same answer */
                "idempotency-key"?: string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Credentials"];
                };
            };
        };
    };
    bootstrap: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    admin?: {
                        /** @description 32 to 64 letters and digits; made when left out */
                        apikey?: string;
                        email?: string;
                        password?: string;
                    };
                    jyadmin?: {
                        /** @description 32 to 64 letters and digits; made when left out */
                        apikey?: string;
                        email?: string;
                        password?: string;
                    };
                    omworker?: {
                        /** @description 32 to 64 letters and digits; made when left out */
                        apikey?: string;
                        email?: string;
                        password?: string;
                    };
                };
            };
        };
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        admin: components["schemas"]["SiteAccount"];
                        jyadmin: components["schemas"]["SiteAccount"];
                        omworker: components["schemas"]["SiteAccount"];
                    };
                };
            };
        };
    };
    revokeBootstrap: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listCommands: {
        parameters: {
            query?: {
                account?: string;
                before?: number;
                limit?: number;
                state?: "waiting" | "running" | "done" | "failed";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        commands: components["schemas"]["Command"][];
                    };
                };
            };
        };
    };
    getCommand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandDetails"];
                };
            };
        };
    };
    retryCommand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Command"];
                };
            };
        };
    };
    undoCommand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Command"];
                };
            };
        };
    };
    ensureDeployments: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        commands: components["schemas"]["Command"][];
                    };
                };
            };
        };
    };
}
