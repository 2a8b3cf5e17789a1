# The release image: one static binary with both web apps in it, and nothing else. It starts
# no database: DATABASE_URL is required.
#
#   docker build --build-arg VERSION=$(git describe --always --tags) -t cdss .

# What the binary runs on. The few files it needs are copied below, so that the empty image
# serves; a distroless "static" image of your own registry works as well.
ARG RUNTIME=scratch

FROM node:24-bookworm-slim AS web
WORKDIR /src/webapps
# The manifests first: dependencies are installed again only when these change.
COPY webapps/package.json webapps/package-lock.json ./
COPY webapps/shared/package.json shared/
COPY webapps/enduser/package.json enduser/
COPY webapps/admin/package.json admin/
COPY webapps/docs-ui/package.json docs-ui/
COPY webapps/e2e/package.json e2e/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY webapps ./
RUN npm run build
# What is built in, as a bill of materials (CycloneDX).
COPY go.mod go.sum /src/
COPY scripts/sbom.mjs /src/scripts/
ARG VERSION=unknown
RUN node /src/scripts/sbom.mjs "${VERSION}" > /src/sbom.cdx.json

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
COPY --from=web /src/webapps/dist webapps/dist
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /root-fs/cdss ./cmd/cdss
# The reader of PDF files, compiled: else the first upload takes half a minute and 330 MB. On a
# processor of another kind it is compiled again, in memory.
RUN mkdir /root-fs/pdfium && /root-fs/cdss warmup && chmod -R a+rX /root-fs/pdfium
# An unprivileged user, certificate authorities for outbound calls, time zones, and a /tmp.
RUN mkdir -p /root-fs/etc/ssl/certs /root-fs/usr/share /root-fs/tmp /root-fs/data \
 && chown 65532:65532 /root-fs/data \
 && chmod 1777 /root-fs/tmp \
 && echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' > /root-fs/etc/passwd \
 && echo 'nonroot:x:65532:' > /root-fs/etc/group \
 && cp /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/ \
 && cp -r /usr/share/zoneinfo /root-fs/usr/share/

FROM ${RUNTIME}
COPY --from=build /root-fs/ /
COPY --from=web /src/sbom.cdx.json /
USER 65532:65532
# In /data decisions wait while the database is away: mount a disk there, one for each replica.
# The memory limit fits the smallest instance, 512 MB; set both higher on a larger one.
ENV ENVIRONMENT=production PORT=8000 GOMEMLIMIT=400MiB GOTRACEBACK=single CDSS_DATA_DIR=/data
EXPOSE 8000
ENTRYPOINT ["/cdss"]
CMD ["serve"]
