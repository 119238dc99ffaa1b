// servers.ts — what the three web servers need to be told
export type Server = "nginx" | "apache" | "lighttpd";

export const servers: { value: Server; label: string }[] = [
	{ value: "nginx", label: "nginx" },
	{ value: "apache", label: "Apache" },
	{ value: "lighttpd", label: "lighttpd" },
];

const snippets: Record<Server, string> = {
	nginx: `# the rest of the settings: conf/nginx/site.conf
location /v1/ {
    include oneapi-fastcgi.conf;
    fastcgi_pass unix:/run/oneapi/relay.sock;
}
location /api/ {
    include oneapi-fastcgi.conf;
    fastcgi_pass unix:/run/oneapi/admin.sock;
}`,
	apache: `# a2enmod proxy proxy_fcgi; the rest of the settings: conf/apache.conf.example
<Proxy "fcgi://oneapi-relay/" flushpackets=on timeout=600>
</Proxy>
<Location "/v1/">
    # else the program never sees the Authorization header
    CGIPassAuth On
    SetHandler "proxy:unix:/run/oneapi/relay.sock|fcgi://oneapi-relay/"
    SetEnv no-gzip 1
</Location>
<Location "/api/">
    CGIPassAuth On
    SetHandler "proxy:unix:/run/oneapi/admin.sock|fcgi://oneapi-admin/"
</Location>`,
	lighttpd: `# the rest of the settings: conf/lighttpd.conf.example
server.modules += ( "mod_fastcgi" )
server.stream-response-body = 1
fastcgi.server = (
  "/v1/"  => (( "socket" => "/run/oneapi/relay.sock", "check-local" => "disable" )),
  "/api/" => (( "socket" => "/run/oneapi/admin.sock", "check-local" => "disable" ))
)`,
};

export const serverSnippet = (server: Server): string => snippets[server];
