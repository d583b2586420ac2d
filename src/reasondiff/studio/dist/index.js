var e=globalThis,t=e.ShadowRoot&&(e.ShadyCSS===void 0||e.ShadyCSS.nativeShadow)&&`adoptedStyleSheets`in Document.prototype&&`replace`in CSSStyleSheet.prototype,n=Symbol(),r=new WeakMap,i=class{constructor(e,t,r){if(this._$cssResult$=!0,r!==n)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,n=this.t;if(t&&e===void 0){let t=n!==void 0&&n.length===1;t&&(e=r.get(n)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),t&&r.set(n,e))}return e}toString(){return this.cssText}},a=e=>new i(typeof e==`string`?e:e+``,void 0,n),o=(e,...t)=>new i(e.length===1?e[0]:t.reduce((t,n,r)=>t+(e=>{if(!0===e._$cssResult$)return e.cssText;if(typeof e==`number`)return e;throw Error(`Value passed to 'css' function must be a 'css' function result: `+e+`. Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.`)})(n)+e[r+1],e[0]),e,n),s=(n,r)=>{if(t)n.adoptedStyleSheets=r.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let t of r){let r=document.createElement(`style`),i=e.litNonce;i!==void 0&&r.setAttribute(`nonce`,i),r.textContent=t.cssText,n.appendChild(r)}},c=t?e=>e:e=>e instanceof CSSStyleSheet?(e=>{let t=``;for(let n of e.cssRules)t+=n.cssText;return a(t)})(e):e,{is:l,defineProperty:u,getOwnPropertyDescriptor:d,getOwnPropertyNames:f,getOwnPropertySymbols:p,getPrototypeOf:m}=Object,ee=globalThis,te=ee.trustedTypes,ne=te?te.emptyScript:``,re=ee.reactiveElementPolyfillSupport,ie=(e,t)=>e,ae={toAttribute(e,t){switch(t){case Boolean:e=e?ne:null;break;case Object:case Array:e=e==null?e:JSON.stringify(e)}return e},fromAttribute(e,t){let n=e;switch(t){case Boolean:n=e!==null;break;case Number:n=e===null?null:Number(e);break;case Object:case Array:try{n=JSON.parse(e)}catch{n=null}}return n}},oe=(e,t)=>!l(e,t),se={attribute:!0,type:String,converter:ae,reflect:!1,useDefault:!1,hasChanged:oe};Symbol.metadata??=Symbol(`metadata`),ee.litPropertyMetadata??=new WeakMap;var h=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=se){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),r=this.getPropertyDescriptor(e,n,t);r!==void 0&&u(this.prototype,e,r)}}static getPropertyDescriptor(e,t,n){let{get:r,set:i}=d(this.prototype,e)??{get(){return this[t]},set(e){this[t]=e}};return{get:r,set(t){let a=r?.call(this);i?.call(this,t),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??se}static _$Ei(){if(this.hasOwnProperty(ie(`elementProperties`)))return;let e=m(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(ie(`finalized`)))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(ie(`properties`))){let e=this.properties,t=[...f(e),...p(e)];for(let n of t)this.createProperty(n,e[n])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[e,n]of t)this.elementProperties.set(e,n)}this._$Eh=new Map;for(let[e,t]of this.elementProperties){let n=this._$Eu(e,t);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let e of n)t.unshift(c(e))}else e!==void 0&&t.push(c(e));return t}static _$Eu(e,t){let n=t.attribute;return!1===n?void 0:typeof n==`string`?n:typeof e==`string`?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return s(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),r=this.constructor._$Eu(e,n);if(r!==void 0&&!0===n.reflect){let i=(n.converter?.toAttribute===void 0?ae:n.converter).toAttribute(t,n.type);this._$Em=e,i==null?this.removeAttribute(r):this.setAttribute(r,i),this._$Em=null}}_$AK(e,t){let n=this.constructor,r=n._$Eh.get(e);if(r!==void 0&&this._$Em!==r){let e=n.getPropertyOptions(r),i=typeof e.converter==`function`?{fromAttribute:e.converter}:e.converter?.fromAttribute===void 0?ae:e.converter;this._$Em=r;let a=i.fromAttribute(t,e.type);this[r]=a??this._$Ej?.get(r)??a,this._$Em=null}}requestUpdate(e,t,n,r=!1,i){if(e!==void 0){let a=this.constructor;if(!1===r&&(i=this[e]),n??=a.getPropertyOptions(e),!((n.hasChanged??oe)(i,t)||n.useDefault&&n.reflect&&i===this._$Ej?.get(e)&&!this.hasAttribute(a._$Eu(e,n))))return;this.C(e,t,n)}!1===this.isUpdatePending&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:r,wrapped:i},a){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,a??t??this[e]),!0!==i||a!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),!0===r&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[e,t]of this._$Ep)this[e]=t;this._$Ep=void 0}let e=this.constructor.elementProperties;if(e.size>0)for(let[t,n]of e){let{wrapped:e}=n,r=this[t];!0!==e||this._$AL.has(t)||r===void 0||this.C(t,void 0,n,r)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(e=>e.hostUpdate?.()),this.update(t)):this._$EM()}catch(t){throw e=!1,this._$EM(),t}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(e){}firstUpdated(e){}};h.elementStyles=[],h.shadowRootOptions={mode:`open`},h[ie(`elementProperties`)]=new Map,h[ie(`finalized`)]=new Map,re?.({ReactiveElement:h}),(ee.reactiveElementVersions??=[]).push(`2.1.2`);var ce=globalThis,le=e=>e,ue=ce.trustedTypes,de=ue?ue.createPolicy(`lit-html`,{createHTML:e=>e}):void 0,fe=`$lit$`,g=`lit$${Math.random().toFixed(9).slice(2)}$`,pe=`?`+g,me=`<${pe}>`,_=document,he=()=>_.createComment(``),ge=e=>e===null||typeof e!=`object`&&typeof e!=`function`,_e=Array.isArray,ve=e=>_e(e)||typeof e?.[Symbol.iterator]==`function`,ye=`[ 	
\f\r]`,be=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,xe=/-->/g,Se=/>/g,v=RegExp(`>|${ye}(?:([^\\s"'>=/]+)(${ye}*=${ye}*(?:[^ \t\n\f\r"'\`<>=]|("|')|))|$)`,`g`),Ce=/'/g,we=/"/g,Te=/^(?:script|style|textarea|title)$/i,y=(e=>(t,...n)=>({_$litType$:e,strings:t,values:n}))(1),b=Symbol.for(`lit-noChange`),x=Symbol.for(`lit-nothing`),Ee=new WeakMap,S=_.createTreeWalker(_,129);function De(e,t){if(!_e(e)||!e.hasOwnProperty(`raw`))throw Error(`invalid template strings array`);return de===void 0?t:de.createHTML(t)}var Oe=(e,t)=>{let n=e.length-1,r=[],i,a=t===2?`<svg>`:t===3?`<math>`:``,o=be;for(let t=0;t<n;t++){let n=e[t],s,c,l=-1,u=0;for(;u<n.length&&(o.lastIndex=u,c=o.exec(n),c!==null);)u=o.lastIndex,o===be?c[1]===`!--`?o=xe:c[1]===void 0?c[2]===void 0?c[3]!==void 0&&(o=v):(Te.test(c[2])&&(i=RegExp(`</`+c[2],`g`)),o=v):o=Se:o===v?c[0]===`>`?(o=i??be,l=-1):c[1]===void 0?l=-2:(l=o.lastIndex-c[2].length,s=c[1],o=c[3]===void 0?v:c[3]===`"`?we:Ce):o===we||o===Ce?o=v:o===xe||o===Se?o=be:(o=v,i=void 0);let d=o===v&&e[t+1].startsWith(`/>`)?` `:``;a+=o===be?n+me:l>=0?(r.push(s),n.slice(0,l)+fe+n.slice(l)+g+d):n+g+(l===-2?t:d)}return[De(e,a+(e[n]||`<?>`)+(t===2?`</svg>`:t===3?`</math>`:``)),r]},ke=class e{constructor({strings:t,_$litType$:n},r){let i;this.parts=[];let a=0,o=0,s=t.length-1,c=this.parts,[l,u]=Oe(t,n);if(this.el=e.createElement(l,r),S.currentNode=this.el.content,n===2||n===3){let e=this.el.content.firstChild;e.replaceWith(...e.childNodes)}for(;(i=S.nextNode())!==null&&c.length<s;){if(i.nodeType===1){if(i.hasAttributes())for(let e of i.getAttributeNames())if(e.endsWith(fe)){let t=u[o++],n=i.getAttribute(e).split(g),r=/([.?@])?(.*)/.exec(t);c.push({type:1,index:a,name:r[2],strings:n,ctor:r[1]===`.`?Ne:r[1]===`?`?Pe:r[1]===`@`?Fe:Me}),i.removeAttribute(e)}else e.startsWith(g)&&(c.push({type:6,index:a}),i.removeAttribute(e));if(Te.test(i.tagName)){let e=i.textContent.split(g),t=e.length-1;if(t>0){i.textContent=ue?ue.emptyScript:``;for(let n=0;n<t;n++)i.append(e[n],he()),S.nextNode(),c.push({type:2,index:++a});i.append(e[t],he())}}}else if(i.nodeType===8){if(i.data===pe)c.push({type:2,index:a});else{let e=-1;for(;(e=i.data.indexOf(g,e+1))!==-1;)c.push({type:7,index:a}),e+=g.length-1}}a++}}static createElement(e,t){let n=_.createElement(`template`);return n.innerHTML=e,n}};function C(e,t,n=e,r){if(t===b)return t;let i=r===void 0?n._$Cl:n._$Co?.[r],a=ge(t)?void 0:t._$litDirective$;return i?.constructor!==a&&(i?._$AO?.(!1),a===void 0?i=void 0:(i=new a(e),i._$AT(e,n,r)),r===void 0?n._$Cl=i:(n._$Co??=[])[r]=i),i!==void 0&&(t=C(e,i._$AS(e,t.values),i,r)),t}var Ae=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,r=(e?.creationScope??_).importNode(t,!0);S.currentNode=r;let i=S.nextNode(),a=0,o=0,s=n[0];for(;s!==void 0;){if(a===s.index){let t;s.type===2?t=new je(i,i.nextSibling,this,e):s.type===1?t=new s.ctor(i,s.name,s.strings,this,e):s.type===6&&(t=new Ie(i,this,e)),this._$AV.push(t),s=n[++o]}a!==s?.index&&(i=S.nextNode(),a++)}return S.currentNode=_,r}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings===void 0?n._$AI(e[t]):(n._$AI(e,n,t),t+=n.strings.length-2)),t++}},je=class e{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,r){this.type=2,this._$AH=x,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=r,this._$Cv=r?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=C(this,e,t),ge(e)?e===x||e==null||e===``?(this._$AH!==x&&this._$AR(),this._$AH=x):e!==this._$AH&&e!==b&&this._(e):e._$litType$===void 0?e.nodeType===void 0?ve(e)?this.k(e):this._(e):this.T(e):this.$(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==x&&ge(this._$AH)?this._$AA.nextSibling.data=e:this.T(_.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,r=typeof n==`number`?this._$AC(e):(n.el===void 0&&(n.el=ke.createElement(De(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===r)this._$AH.p(t);else{let e=new Ae(r,this),n=e.u(this.options);e.p(t),this.T(n),this._$AH=e}}_$AC(e){let t=Ee.get(e.strings);return t===void 0&&Ee.set(e.strings,t=new ke(e)),t}k(t){_e(this._$AH)||(this._$AH=[],this._$AR());let n=this._$AH,r,i=0;for(let a of t)i===n.length?n.push(r=new e(this.O(he()),this.O(he()),this,this.options)):r=n[i],r._$AI(a),i++;i<n.length&&(this._$AR(r&&r._$AB.nextSibling,i),n.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let t=le(e).nextSibling;le(e).remove(),e=t}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},Me=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,r,i){this.type=1,this._$AH=x,this._$AN=void 0,this.element=e,this.name=t,this._$AM=r,this.options=i,n.length>2||n[0]!==``||n[1]!==``?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=x}_$AI(e,t=this,n,r){let i=this.strings,a=!1;if(i===void 0)e=C(this,e,t,0),a=!ge(e)||e!==this._$AH&&e!==b,a&&(this._$AH=e);else{let r=e,o,s;for(e=i[0],o=0;o<i.length-1;o++)s=C(this,r[n+o],t,o),s===b&&(s=this._$AH[o]),a||=!ge(s)||s!==this._$AH[o],s===x?e=x:e!==x&&(e+=(s??``)+i[o+1]),this._$AH[o]=s}a&&!r&&this.j(e)}j(e){e===x?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??``)}},Ne=class extends Me{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===x?void 0:e}},Pe=class extends Me{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==x)}},Fe=class extends Me{constructor(e,t,n,r,i){super(e,t,n,r,i),this.type=5}_$AI(e,t=this){if((e=C(this,e,t,0)??x)===b)return;let n=this._$AH,r=e===x&&n!==x||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,i=e!==x&&(n===x||r);r&&this.element.removeEventListener(this.name,this,n),i&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH==`function`?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},Ie=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){C(this,e)}},Le={M:fe,P:g,A:pe,C:1,L:Oe,R:Ae,D:ve,V:C,I:je,H:Me,N:Pe,U:Fe,B:Ne,F:Ie},Re=ce.litHtmlPolyfillSupport;Re?.(ke,je),(ce.litHtmlVersions??=[]).push(`3.3.3`);var ze=(e,t,n)=>{let r=n?.renderBefore??t,i=r._$litPart$;if(i===void 0){let e=n?.renderBefore??null;r._$litPart$=i=new je(t.insertBefore(he(),e),e,void 0,n??{})}return i._$AI(e),i},Be=globalThis,w=class extends h{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=ze(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return b}};w._$litElement$=!0,w.finalized=!0,Be.litElementHydrateSupport?.({LitElement:w});var Ve=Be.litElementPolyfillSupport;Ve?.({LitElement:w}),(Be.litElementVersions??=[]).push(`4.2.2`);var T=e=>(t,n)=>{n===void 0?customElements.define(e,t):n.addInitializer(()=>{customElements.define(e,t)})},He={attribute:!0,type:String,converter:ae,reflect:!1,hasChanged:oe},Ue=(e=He,t,n)=>{let{kind:r,metadata:i}=n,a=globalThis.litPropertyMetadata.get(i);if(a===void 0&&globalThis.litPropertyMetadata.set(i,a=new Map),r===`setter`&&((e=Object.create(e)).wrapped=!0),a.set(n.name,e),r===`accessor`){let{name:r}=n;return{set(n){let i=t.get.call(this);t.set.call(this,n),this.requestUpdate(r,i,e,!0,n)},init(t){return t!==void 0&&this.C(r,void 0,e,t),t}}}if(r===`setter`){let{name:r}=n;return function(n){let i=this[r];t.call(this,n),this.requestUpdate(r,i,e,!0,n)}}throw Error(`Unsupported decorator location: `+r)};function E(e){return(t,n)=>typeof n==`object`?Ue(e,t,n):((e,t,n)=>{let r=t.hasOwnProperty(n);return t.constructor.createProperty(n,e),r?Object.getOwnPropertyDescriptor(t,n):void 0})(e,t,n)}function D(e){return E({...e,state:!0,attribute:!1})}var We=(e,t,n)=>(n.configurable=!0,n.enumerable=!0,Reflect.decorate&&typeof t!=`object`&&Object.defineProperty(e,t,n),n);function O(e,t){return(n,r,i)=>{let a=t=>t.renderRoot?.querySelector(e)??null;if(t){let{get:e,set:t}=typeof r==`object`?n:i??(()=>{let e=Symbol();return{get(){return this[e]},set(t){this[e]=t}}})();return We(n,r,{get(){let n=e.call(this);return n===void 0&&(n=a(this),(n!==null||this.hasUpdated)&&t.call(this,n)),n}})}return We(n,r,{get(){return a(this)}})}}var Ge;function Ke(e){return(t,n)=>We(t,n,{get(){return(this.renderRoot??(Ge??=document.createDocumentFragment())).querySelectorAll(e)}})}function qe(e){return new Promise((t,n)=>{let r=new FileReader;r.onload=()=>t(r.result),r.onerror=()=>n(r.error),r.readAsDataURL(e)})}function Je(e){let[,t,n]=/^data:([^;,]*);base64,(.*)$/.exec(e),r=Uint8Array.from(atob(n),e=>e.charCodeAt(0));return new Blob([r],{type:t})}function Ye(e,t){let n=document.createElement(`a`);n.href=URL.createObjectURL(e),n.download=t,n.click(),setTimeout(()=>URL.revokeObjectURL(n.href),1e4)}var Xe=class extends Error{constructor(e,t,n){super(e),this.status=t,this.code=n}},Ze=class{constructor(e=`v1`,t=()=>null){this.base=e,this.key=t}async models(){return(await this.json(`GET`,`models`)).data}async tell(e,t,n=null){let r=await Qe(e,`image`,{prompt:t});return(await this.fetch(`POST`,`narratives`,r,{},n)).json()}async retell(e,t,n,r,i=null){let a=await Qe(e,`image`,{prompt:t,narrative:JSON.stringify(n),clip:String(r+1)});return(await this.fetch(`POST`,`narratives`,a,{},i)).json()}async create(e,t){let n={prompt:e.prompt};e.narrative&&(n.narrative=JSON.stringify(e.narrative)),e.seed!==null&&(n.seed=String(e.seed)),e.steps!==null&&(n.num_inference_steps=String(e.steps));let r=await Qe(e.images,`input_reference`,n);return this.json(`POST`,`videos`,r,{"Idempotency-Key":t})}again(e,t){let{narrative:n}=e.reasondiff??{},r=JSON.stringify({video:{id:e.id},prompt:e.prompt,seed:t,...n?{narrative:n}:{}});return this.json(`POST`,`videos/edits`,r,{"Content-Type":`application/json`})}redo(e,t,n){let r=JSON.stringify({video:{id:e.id},clip:t+1,...n===null?{}:{prompt:n}});return this.json(`POST`,`videos/edits`,r,{"Content-Type":`application/json`})}async list(e=50){let t=await this.json(`GET`,`videos?limit=${e}&order=desc`);return{videos:t.data,more:t.has_more}}retrieve(e){return this.json(`GET`,`videos/${encodeURIComponent(e)}`)}cancel(e){return this.json(`POST`,`videos/${encodeURIComponent(e)}/cancel`)}async remove(e){await this.json(`DELETE`,`videos/${encodeURIComponent(e)}`)}move(e,t){let n=JSON.stringify({queue_position:t});return this.json(`PATCH`,`videos/${encodeURIComponent(e)}`,n,{"Content-Type":`application/json`})}async content(e,t){let n=`videos/${encodeURIComponent(e)}/content?variant=${t}`;return(await this.fetch(`GET`,n)).blob()}async images(e){let t=e.reasondiff?.images??[{frame_type:`auto`,frame_index:null}],n=`videos/${encodeURIComponent(e.id)}/content?variant=image&image=`,r=t.map(async({frame_type:e,frame_index:t},r)=>({image:await(await this.fetch(`GET`,`${n}${r+1}`)).blob(),place:e===`frame_index`?{type:e,frame:t??0}:{type:e}}));return Promise.all(r)}async*events(e,t){let n=null;for(;!t.aborted;){try{let r=n===null?{}:{"Last-Event-ID":n},i=await this.fetch(`GET`,`videos/${encodeURIComponent(e)}/events`,null,r,t);for await(let e of tt(i.body))if(n=e.id??n,e.data){let t=JSON.parse(e.data);if(yield t,$e(t))return}}catch(e){if(t.aborted||e instanceof Xe&&e.status<500)return}await nt(1e3,t)}}async json(e,t,n=null,r={}){return await(await this.fetch(e,t,n,r)).json()}async fetch(e,t,n=null,r={},i=null){let a=this.key(),o=a?{Authorization:`Bearer ${a}`}:{},s=await fetch(`${this.base}/${t}`,{method:e,body:n,headers:{...o,...r},signal:i});if(!s.ok)throw await et(s);return s}};async function Qe(e,t,n){let r=new FormData;for(let[e,t]of Object.entries(n))r.set(e,t);let[i]=e;if(e.length===1&&i.place.type===`auto`)return r.set(t,i.image,`image`),r;let a=e.map(async({image:e,place:t})=>({type:`image_url`,image_url:{url:await qe(e)},frame_type:t.type,...t.type===`frame_index`?{frame_index:t.frame}:{}}));return r.set(`frame_images`,JSON.stringify(await Promise.all(a))),r}function $e(e){return e.status===`completed`||e.status===`failed`}async function et(e){let t=`The server answered ${e.status}.`;try{let{error:n}=await e.json();return new Xe(n?.message??t,e.status,n?.code??null)}catch{return new Xe(t,e.status,null)}}async function*tt(e){let t=e.pipeThrough(new TextDecoderStream).getReader(),n=``;try{for(;;){let{value:e,done:r}=await t.read();if(r)return;n=(n+e).replaceAll(`\r
`,`
`);let i=n.split(`

`);n=i.pop();for(let e of i){let t=e.split(`
`),n=e=>t.filter(t=>t.startsWith(`${e}:`)).map(t=>t.slice(e.length+1).replace(/^ /,``));yield{id:n(`id`).at(-1)??null,data:n(`data`).join(`
`)}}}}finally{t.releaseLock()}}function nt(e,t){return new Promise(n=>{let r=setTimeout(n,e);t.addEventListener(`abort`,()=>(clearTimeout(r),n()),{once:!0})})}var k=class extends Error{};function A(e){return e.end-e.start}function rt(e,t){return e.start<=t&&t<e.end}function j(e,t){return e.clips.findIndex(e=>rt(e,t))}function M(e){let t=`[\\s\\x1c-\\x1f\\x85]`;return e.replace(RegExp(`^${t}+|${t}+$`,`g`),``)}function it(e){for(let t of e.clips)if(!M(t.description))throw new k(`Clip ${t.start+1}..${t.end} has no description; say what these frames show.`);for(let t of e.anchors)if(t.frame<0||t.frame>=e.numFrames)throw new k(`Position ${t.frame+1} is outside 1..${e.numFrames}; give a position in that range.`);return e}function N(e){let t=e.anchors??[{position:e.position??1}];return{clips:e.clips.map(({start:e,end:t,description:n})=>({start:e-1,end:t,description:n})),anchors:t.map(({position:e,image:t})=>({frame:e-1,image:t??0})),numFrames:e.num_frames,interval:e.interval??.2,style:e.style??``,reasoning:e.reasoning??``,provenance:e.provenance??{}}}function at(e){let t=e.anchors.map(({frame:e,image:t})=>({position:e+1,image:t}));return{version:1,...t.length===1?{position:t[0].position}:{anchors:t},num_frames:e.numFrames,interval:e.interval,...e.style?{style:e.style}:{},...e.reasoning?{reasoning:e.reasoning}:{},...Object.keys(e.provenance).length?{provenance:{...e.provenance}}:{},clips:e.clips.map(({start:e,end:t,description:n})=>({start:e+1,end:t,description:n}))}}function ot(e){let t=e;if(typeof e!=`object`||!e||!Array.isArray(t.clips)||!t.clips.length)throw new k(`It has no list of clips.`);let n=1;for(let e of t.clips){if(e?.start!==n||!Number.isInteger(e.end)||e.end<e.start)throw new k(`Its clips leave out or repeat a frame: one has to begin at position ${n}.`);if(typeof e.description!=`string`)throw new k(`Its clip at position ${n} has no description.`);n=e.end+1}let{num_frames:r=n-1}=t;if(r!==n-1)throw new k(`Its clips end at position ${n-1}, and it has ${r} frames.`);let i=N({...t,num_frames:r});if(![i.style,i.reasoning].every(e=>typeof e==`string`)||!(i.interval>0)||!i.anchors.every(({frame:e,image:t})=>Number.isInteger(e+t)))throw new k(`Its style, interval or image positions cannot be read.`);return at(it(i))}function st(e,t){switch(t.type){case`move_edge`:return ct(e,t.edge,t.frame);case`resize`:return lt(e,t.clip,t.length);case`split`:return ut(e,t.frame);case`merge`:return dt(e,t.first,t.last);case`remove`:return ft(e,t.clip);case`move_clip`:return pt(e,t.clip,t.to);case`duplicate`:return mt(e,t.clip);case`set_description`:return ht(e,t.clip,t.description);case`set_style`:return{...e,style:t.style};case`move_anchor`:return gt(e,t.frame);case`move_image`:return _t(e,t.image,t.frame);case`retime`:return vt(e,t.num_frames)}}function ct(e,t,n){let r=e.clips.length-1,i=e.clips[t],a=e.clips[t+1];if(i===void 0||a===void 0)throw new k(`There is no edge ${t+1}; the story has ${r}.`);if(n<=i.start||n>=a.end){let e=`${i.start+2}..${a.end}`;throw new k(`The edge cannot be at position ${n+1}; both clips keep a frame at ${e}.`)}let o=e.clips.with(t,{...i,end:n});return{...e,clips:o.with(t+1,{...a,start:n})}}function lt(e,t,n){if(P(e,t),n<1)throw new k(`A clip of ${n} frames shows nothing; give 1 or more.`);let r=e.clips.map(A).with(t,n);return yt(e,bt(e),r)}function ut(e,t){let n=j(e,t),r=e.clips[n];if(r===void 0){let n=`1..${e.numFrames}`;throw new k(`Position ${t+1} is outside ${n}; split at one in that range.`)}if(r.start===t)throw new k(`A clip begins at position ${t+1} already; split at a position inside a clip.`);let i=[{...r,end:t},{...r,start:t}];return{...e,clips:e.clips.toSpliced(n,1,...i)}}function dt(e,t,n){if(P(e,t),P(e,n),t>=n)throw new k(`Clips ${t+1} and ${n+1} cannot be merged; name an earlier and a later clip.`);let r=e.clips.slice(t,n+1),i=[...new Set(r.map(e=>M(e.description)))],a=i.map(e=>`.!?…。`.includes(e.at(-1))?e:`${e}.`),o=i.length>1?a.join(` `):r[0].description,s={start:r[0].start,end:r.at(-1).end,description:o};return{...e,clips:e.clips.toSpliced(t,r.length,s)}}function ft(e,t){let n=P(e,t);if(e.clips.length===1)throw new k(`The story has one clip only; change its text instead.`);let r=e.clips.toSpliced(t,1),i=Math.max(t-1,0),a=r[i],o={...a,start:Math.min(a.start,n.start),end:Math.max(a.end,n.end)};return{...e,clips:r.with(i,o)}}function pt(e,t,n){return P(e,t),P(e,n),yt(e,bt(e).toSpliced(t,1).toSpliced(n,0,t),e.clips.map(A))}function mt(e,t){return P(e,t),yt(e,bt(e).toSpliced(t+1,0,t),e.clips.map(A))}function ht(e,t,n){let r={...P(e,t),description:n};return it({...e,clips:e.clips.with(t,r)})}function gt(e,t){let[n,...r]=e.anchors;return it({...e,anchors:[{...n,frame:t},...r]})}function _t(e,t,n){let r=e.anchors.map(e=>e.image);if(!r.includes(t)){let e=r.toSorted((e,t)=>e-t).map(e=>e+1);throw new k(`The story places no image ${t+1}; it places ${e.join(`, `)}.`)}let i=e.anchors.map(e=>e.image===t?{...e,frame:n}:e);return it({...e,anchors:i.toSorted((e,t)=>e.frame-t.frame)})}function vt(e,t){if(t===e.numFrames)return e;let n=e.clips.length;if(t<n)throw new k(`${n} clips do not fit into ${t} frames; merge clips or give ${n} frames.`);let r=0,i=e.clips.map((i,a)=>{let o=xt(i.end*t/e.numFrames),s=Math.min(Math.max(o,r+1),t-(n-a-1)),c={...i,start:r,end:s};return r=s,c}),a=e.anchors.map(n=>{let r=i[j(e,n.frame)],a=xt(n.frame*(t-1)/Math.max(1,e.numFrames-1));return{...n,frame:Math.min(Math.max(a,r.start),r.end-1)}});return{...e,clips:i,anchors:a,numFrames:t}}function yt(e,t,n){let r=0,i=t.map(t=>{let i=r+n[t],a={start:r,end:i,description:e.clips[t].description};return r=i,a}),a=n=>{let r=e.clips.findIndex(e=>rt(e,n.frame)),a=i[t.indexOf(r)],o=n.frame-e.clips[r].start;return{...n,frame:Math.min(a.start+o,a.end-1)}};return{...e,clips:i,anchors:e.anchors.map(a),numFrames:r}}function bt(e){return e.clips.map((e,t)=>t)}function P(e,t){let n=e.clips[t];if(n===void 0)throw new k(`There is no clip ${t+1}; the story has clips 1..${e.clips.length}.`);return n}function xt(e){let t=Math.floor(e);return e-t===.5?t%2==0?t:t+1:Math.round(e)}function St(e,t){let n=Math.ceil((e-1)/t);return[{start:0,end:1},...Array.from({length:n},(e,n)=>({start:n*t+1,end:(n+1)*t+1}))]}function Ct(e,t){return Math.ceil((e-1)/t)*t+1}function wt(e,t){let n=St(e.numFrames,t).map(t=>e.clips.map(e=>Et(e,t))),r=new Map;for(let n of e.anchors.toReversed())r.set(Math.ceil(n.frame/t),j(e,n.frame));let i=n.map(e=>e.lastIndexOf(Math.max(...e))),a=e=>i.filter(t=>t===e).length;for(let[e,t]of r){let n=i[e];(a(n)>1||!i.includes(t))&&(i[e]=t)}for(let t of e.clips.keys()){if(i.includes(t))continue;let e=[...n.keys()].filter(e=>n[e][t]>0&&a(i[e])>1),o=e=>r.get(e)===i[e],[s]=e.toSorted((e,r)=>Number(o(e))-Number(o(r))||n[r][t]-n[e][t]);s!==void 0&&(i[s]=t)}return i}function Tt(e,t=4){let n=vt(e,Ct(e.numFrames,t)),r=new Set(wt(n,t));return[...n.clips.keys()].filter(e=>!r.has(e))}function Et(e,t){let n=Math.min(e.end,t.end)-Math.max(e.start,t.start);return Math.max(0,n)/(t.end-t.start)}function Dt(e){return{past:[],present:e,future:[],group:null}}function Ot(e,t,n=null){return kt(e,st(e.present,t),n)}function kt(e,t,n=null){return{past:n!==null&&n===e.group?e.past:[...e.past,e.present].slice(-200),present:t,future:[],group:n}}function At(e){let t=e.past.at(-1);if(t===void 0)return e;let n=[e.present,...e.future];return{past:e.past.slice(0,-1),present:t,future:n,group:null}}function jt(e){let[t,...n]=e.future;return t===void 0?e:{past:[...e.past,e.present],present:t,future:n,group:null}}var Mt={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},Nt=e=>(...t)=>({_$litDirective$:e,values:t}),Pt=class{constructor(e){}get _$AU(){return this._$AM._$AU}_$AT(e,t,n){this._$Ct=e,this._$AM=t,this._$Ci=n}_$AS(e,t){return this.update(e,t)}update(e,t){return this.render(...t)}},F=Nt(class extends Pt{constructor(e){if(super(e),e.type!==Mt.ELEMENT)throw Error(`styled() stands in an element's tag.`)}update(e,[t]){let{style:n}=e.element;for(let[e,r]of Object.entries(t))n.setProperty(e,r);return x}render(e){return x}}),Ft=1e4;function I(e,t){return`${e/t*100}%`}function It(e,t,n){let r=(e-t.left)/t.width;return Math.min(Math.max(Math.floor(r*n),0),n-1)}function Lt(e,t,n,r=n){let i=(e-t.left)/t.width;return Math.min(Math.max(Math.round(i*n),0),r)}function Rt(e,t,n){return St(t,n).map(e=>e.start).reduce((t,n)=>Math.abs(n-e)<Math.abs(t-e)?n:t)}function zt(e,t,n){let r=e.clips[t],i=e.clips[t+1];return Math.min(Math.max(n,r.start+1),i.end-1)}function Bt(e){return[1,2,4,5,8,10,20,40,50,100,200,500,1e3].find(t=>e/t<=10)??2e3}function Vt(e,t,n){return n===`frames`?String(e+1):`${(e*t).toFixed(1)} s`}function Ht(e,t,n){return n===`frames`?`frame ${e+1}`:`${(e*t).toFixed(1)} seconds`}function Ut(e,t,n=()=>void 0){let r=e.currentTarget;r.setPointerCapture(e.pointerId);let i=()=>{r.removeEventListener(`pointermove`,t),r.removeEventListener(`pointerup`,i),r.removeEventListener(`pointercancel`,i),n()};r.addEventListener(`pointermove`,t),r.addEventListener(`pointerup`,i),r.addEventListener(`pointercancel`,i)}function Wt(e,t){return e.button===0&&(e.preventDefault(),e.currentTarget.focus(),Ut(e,t),!0)}var Gt=0;function Kt(e){return`${e} ${++Gt}`}function qt(e,t){let n={ArrowLeft:-1,ArrowDown:-1,ArrowRight:1,ArrowUp:1,PageDown:-t,PageUp:t,Home:-1/0,End:1/0};return e.ctrlKey||e.metaKey||e.altKey?null:n[e.key]??null}var Jt=o`
  button,
  select,
  input,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  button {
    min-height: 36px;
    padding: 0 0.7rem;
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--soft);
  }
  button:disabled {
    opacity: 0.45;
    cursor: default;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
`,Yt=o`
  .toolbar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.8rem;
    align-items: center;
    margin-bottom: 0.7rem;
  }
  .group {
    display: flex;
  }
  .group button {
    border-radius: 0;
    margin-left: -1px;
  }
  .group button:first-child {
    border-radius: 6px 0 0 6px;
    margin-left: 0;
  }
  .group button:last-child {
    border-radius: 0 6px 6px 0;
  }
  .group button:only-child {
    border-radius: 6px;
  }
  .group button:hover:not(:disabled),
  .group button:focus-visible {
    position: relative;
    z-index: 1;
  }
  button[aria-pressed="true"] {
    border-color: var(--accent);
    box-shadow: inset 0 0 0 1px var(--accent);
  }
  .numbers {
    margin-left: auto;
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.8rem;
    align-items: center;
  }
  .numbers label {
    display: flex;
    gap: 0.4rem;
    align-items: center;
  }
  .numbers input {
    width: 4.6rem;
    min-height: 34px;
    padding: 0 0.4rem;
  }
  @media (max-width: 560px) {
    .numbers {
      margin-left: 0;
    }
    .group button {
      padding: 0 0.55rem;
    }
  }
`,Xt=o`
  .ruler {
    position: relative;
    height: 22px;
    cursor: pointer;
    touch-action: none;
  }
  .ruler span {
    position: absolute;
    font-size: 12px;
    color: var(--soft);
    border-left: 1px solid var(--line);
    padding-left: 3px;
    height: 100%;
    white-space: nowrap;
  }
  .playhead {
    position: absolute;
    top: 0;
    height: 188px;
    width: 0;
    border-left: 2px solid var(--focus);
    z-index: 1;
    pointer-events: none;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
`,Zt=o`
  .anchors {
    position: relative;
    height: 64px;
  }
  .pin {
    position: absolute;
    top: 0;
    width: 44px;
    height: 60px;
    margin-left: -22px;
    cursor: grab;
    touch-action: none;
    z-index: 3;
  }
  .pin .head {
    display: grid;
    place-items: center;
    width: 40px;
    height: 40px;
    box-sizing: border-box;
    margin: 0 auto;
    border: 2px solid var(--accent);
    border-radius: 6px;
    background: var(--paper) center / cover no-repeat;
    font-weight: 600;
  }
  .pin::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 40px;
    height: 24px;
    border-left: 2px solid var(--accent);
    margin-left: -1px;
  }
  .ghost {
    position: absolute;
    top: 20px;
    width: 28px;
    min-height: 28px;
    height: 28px;
    padding: 0;
    margin-left: -14px;
    border: 2px dashed var(--soft);
    border-radius: 50%;
    font-size: 12px;
    z-index: 2;
  }
`,Qt=o`
  .clips {
    position: relative;
    height: 84px;
    background: var(--track);
    border-radius: 8px;
  }
  .clip {
    position: absolute;
    inset: 0 auto 0 auto;
    box-sizing: border-box;
    overflow: hidden;
    padding: 6px 10px;
    touch-action: pan-y;
    border: 1px solid var(--paper);
    border-radius: 8px;
    background: color-mix(in srgb, var(--hue) 26%, var(--paper));
    text-align: left;
    font-size: 13px;
    line-height: 1.3;
    min-height: 0;
  }
  .clip[aria-pressed="true"] {
    box-shadow: inset 0 0 0 2px var(--hue);
  }
  .clip.anchored {
    background: color-mix(in srgb, var(--hue) 46%, var(--paper));
  }
  .clip .text {
    display: -webkit-box;
    -webkit-line-clamp: 4;
    -webkit-box-orient: vertical;
    overflow: hidden;
    overflow-wrap: anywhere;
  }
  .clip.unread {
    background: repeating-linear-gradient(
      45deg,
      var(--track) 0 8px,
      color-mix(in srgb, var(--accent) 22%, var(--paper)) 8px 16px
    );
  }
  .edge {
    position: absolute;
    top: 0;
    bottom: 0;
    width: 24px;
    margin-left: -12px;
    cursor: ew-resize;
    touch-action: none;
    z-index: 2;
  }
  .edge::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 14px;
    bottom: 14px;
    width: 4px;
    margin-left: -2px;
    border-radius: 2px;
    background: var(--ink);
  }
  .edge.end {
    left: 100%;
  }
  .edge.end::after {
    background: var(--soft);
  }
  @media (max-width: 560px) {
    .clip {
      padding: 4px;
      font-size: 11px;
    }
  }
  @media (prefers-reduced-motion: no-preference) {
    .clip {
      transition: background-color 120ms;
    }
  }
`,$t=o`
  .latent {
    position: relative;
    height: 14px;
    margin-top: 4px;
  }
  .latent span {
    position: absolute;
    top: 0;
    bottom: 0;
    box-sizing: border-box;
    border: 1px solid var(--paper);
    background: var(--hue);
    border-radius: 3px;
  }
`,en=o`
  :host {
    --ink: #1c1b1a;
    --soft: #5d5a56;
    --paper: #fffdf9;
    --line: #cdc7bd;
    --accent: #8a2f1c;
    --focus: #0b57d0;
    --track: #f1ece3;
    display: block;
    color: var(--ink);
    font: 15px/1.45 system-ui, sans-serif;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --ink: #f0ece5;
      --soft: #b8b1a6;
      --paper: #1d1b19;
      --line: #4b463f;
      --accent: #ff9f80;
      --focus: #8ab4f8;
      --track: #2a2724;
    }
  }
  .tracks {
    position: relative;
    user-select: none;
    padding: 0 23px; /* half a pin */
  }
  .status {
    min-height: 1.45em;
    margin: 0.2rem 0 0;
    font-size: 14px;
    color: var(--soft);
  }
  .status.refused {
    color: var(--accent);
  }
  .style input {
    width: 100%;
    box-sizing: border-box;
    padding: 0.4rem 0.55rem;
    min-height: 2.4rem;
  }
  .style {
    display: grid;
    grid-template-columns: 6.2rem 1fr;
    gap: 0.6rem;
    align-items: center;
    margin-top: 0.6rem;
    padding-left: calc(0.6rem + 4px);
  }
  .reasoning {
    margin: 0.2rem 0 0.7rem;
  }
  .reasoning span {
    color: var(--soft);
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  @media (max-width: 560px) {
    .style {
      grid-template-columns: 1fr;
      gap: 0.15rem;
    }
  }
`,tn=[`#2f6f8f`,`#a4582a`,`#4b7a3a`,`#8a4f8f`,`#8a7a1f`,`#b04a5a`,`#3f7f78`,`#6a62b5`];function nn(e){return tn[e%tn.length]}function L(e,t,n,r){var i=arguments.length,a=i<3?t:r===null?r=Object.getOwnPropertyDescriptor(t,n):r,o;if(typeof Reflect==`object`&&typeof Reflect.decorate==`function`)a=Reflect.decorate(e,t,n,r);else for(var s=e.length-1;s>=0;s--)(o=e[s])&&(a=(i<3?o(a):i>3?o(t,n,a):o(t,n))||a);return i>3&&a&&Object.defineProperty(t,n,a),a}var R=class extends w{constructor(...e){super(...e),this.undoes=!1,this.redoes=!1,this.selected=0,this.frame=0,this.snaps=!0,this.ripples=!1,this.units=`frames`,this.guesses=[]}static{this.styles=[Jt,Yt]}render(){let{clips:e}=this.story,t=this.selected===e.length-1,n=e.some(e=>e.start===this.frame);return y`
      <div class="toolbar" role="toolbar" aria-label="Edits">
        <div class="group">
          ${this.button(`undo`,`Undo`,`Ctrl Z`,!this.undoes)}
          ${this.button(`redo`,`Redo`,`Ctrl Shift Z`,!this.redoes)}
        </div>
        <div class="group">
          ${this.button(`split`,`Split`,`Cut at the playhead (S on a clip)`,n)}
          ${this.button(`merge`,`Merge`,`Join with the next (M on a clip)`,t)}
          ${this.button(`duplicate`,`Duplicate`,`D on a clip`,!1)}
          ${this.button(`remove`,`Remove`,`Delete on a clip`,e.length===1)}
        </div>
        <div class="group">
          ${this.button(`earlier`,`Earlier`,`Alt and left on a clip, or drag it`,this.selected===0)}
          ${this.button(`later`,`Later`,`Alt and right on a clip, or drag it`,t)}
        </div>
        <div class="group">
          ${this.toggle(`snap`,`Snap`,`Edges stand between two latent frames`,this.snaps)}
          ${this.toggle(`ripple`,`Ripple`,`An edge takes what follows along (or drag it with Shift)`,this.ripples)}
          ${this.button(`units`,this.units===`frames`?`Seconds`:`Frames`,`What the ruler shows`,!1)}
        </div>
        <div class="numbers">
          ${this.places()}
          <label>
            Frames
            <input
              type="number"
              min=${e.length}
              max="10000"
              step="1"
              .value=${String(this.story.numFrames)}
              @change=${e=>this.setLength(e)}
            />
          </label>
        </div>
      </div>
    `}button(e,t,n,r){return y`<button title=${n} ?disabled=${r} @click=${()=>this.send(`tool`,e)}>${t}</button>`}toggle(e,t,n,r){return y`<button title=${n} aria-pressed=${r} @click=${()=>this.send(`tool`,e)}>${t}</button>`}places(){let e=rn(this.story);return y`
      ${e.some(({frame:e,image:t})=>(this.guesses[t]??e+1)!==e+1)?this.button(`guesses`,`Narrator’s place`,`Back to where the narrator had the image`,!1):x}
      ${e.map(t=>y`
          <label>
            ${e.length>1?`Image ${t.image+1} at`:`Image at`}
            <input
              type="number"
              min="1"
              max=${this.story.numFrames}
              step="1"
              .value=${String(t.frame+1)}
              @change=${e=>this.setPlace(e,t)}
            />
          </label>
        `)}
    `}setPlace(e,{image:t,frame:n}){let r=e.target,i=Number(r.value),{numFrames:a}=this.story;Number.isInteger(i)&&i>=1&&i<=a?this.send(`place`,{image:t,frame:i-1}):(this.send(`refuse`,`${r.value||`Nothing`} is no frame of this story; give 1 to ${a}.`),r.value=String(n+1))}setLength(e){let t=e.target,n=Number(t.value);Number.isInteger(n)&&n>=1&&n<=1e4?this.send(`length`,n):this.send(`refuse`,`${t.value||`Nothing`} is no number of frames; give 1 to 10,000.`),t.value=String(this.story.numFrames)}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};L([E({attribute:!1})],R.prototype,`story`,void 0),L([E({type:Boolean})],R.prototype,`undoes`,void 0),L([E({type:Boolean})],R.prototype,`redoes`,void 0),L([E({type:Number})],R.prototype,`selected`,void 0),L([E({type:Number})],R.prototype,`frame`,void 0),L([E({type:Boolean})],R.prototype,`snaps`,void 0),L([E({type:Boolean})],R.prototype,`ripples`,void 0),L([E()],R.prototype,`units`,void 0),L([E({attribute:!1})],R.prototype,`guesses`,void 0),R=L([T(`timeline-tools`)],R);function rn(e){return e.anchors.toSorted((e,t)=>e.image-t.image)}var z=class extends w{constructor(...e){super(...e),this.images=[],this.candidates=[],this.stride=4,this.units=`frames`}static{this.styles=[Jt,Zt]}render(){let{anchors:e,numFrames:t}=this.story,n=new Set(e.map(e=>e.frame));return y`
      <div class="anchors">
        ${this.candidates.map((e,t)=>({...e,number:e.number??t+2})).filter(e=>!n.has(e.position-1)&&e.position<=t).map(e=>this.ghost(e))} ${rn(this.story).map(e=>this.pin(e))}
      </div>
    `}ghost(e){let t=e.reasoning?`: ${e.reasoning}`:``;return y`
      <button
        class="ghost"
        ${F({left:I(e.position-.5,this.story.numFrames)})}
        title="Frame ${e.position}${t}"
        aria-label="Idea ${e.number}: place the image at frame ${e.position}${t}"
        @click=${()=>this.send(`idea`,e)}
      >
        ${e.number}
      </button>
    `}pin(e){let{frame:t,image:n}=e,{anchors:r,interval:i,numFrames:a}=this.story,o=this.images[n];return y`
      <div
        class="pin"
        ${F({left:I(t+.5,a)})}
        role="slider"
        tabindex="0"
        aria-label=${r.length>1?`Image ${n+1}`:`Image`}
        aria-valuemin="1"
        aria-valuemax=${a}
        aria-valuenow=${t+1}
        aria-valuetext=${Ht(t,i,this.units)}
        @keydown=${t=>this.nudge(t,e)}
        @pointerdown=${e=>this.drag(e,n)}
      >
        <div class="head" ${F({"background-image":o?`url("${o}")`:`none`})}>
          ${o?x:t+1}
        </div>
      </div>
    `}drag(e,t){let n=Kt(`drag image`);Wt(e,({clientX:e})=>{let r=It(e,this.track.getBoundingClientRect(),this.story.numFrames);this.send(`place`,{image:t,frame:r,group:n})})}nudge(e,{frame:t,image:n}){let r=qt(e,this.stride);if(r!==null){e.preventDefault();let i=Math.min(Math.max(t+r,0),this.story.numFrames-1);this.send(`place`,{image:n,frame:i,group:`nudge image ${n}`})}}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};L([E({attribute:!1})],z.prototype,`story`,void 0),L([E({attribute:!1})],z.prototype,`images`,void 0),L([E({attribute:!1})],z.prototype,`candidates`,void 0),L([E({type:Number})],z.prototype,`stride`,void 0),L([E()],z.prototype,`units`,void 0),L([O(`.anchors`)],z.prototype,`track`,void 0),z=L([T(`anchor-track`)],z);var B=class extends w{constructor(...e){super(...e),this.clips=[],this.unread=new Set,this.selected=0,this.interval=.2,this.units=`frames`,this.canRetell=!1,this.retelling=-1}static{this.styles=[Jt,o`
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 0.4rem;
      }
      li {
        display: grid;
        grid-template-columns: 6.2rem 1fr auto;
        gap: 0.6rem;
        align-items: start;
        border-left: 4px solid var(--hue);
        border-radius: 4px;
        padding: 0.15rem 0 0.15rem 0.6rem;
      }
      li.selected {
        background: color-mix(in srgb, var(--hue) 12%, transparent);
      }
      .span {
        font-variant-numeric: tabular-nums;
        color: var(--soft);
        font-size: 13px;
        line-height: 1.35;
        padding-top: 0.15rem;
      }
      .span strong {
        color: var(--ink);
        display: block;
        font-size: 14px;
      }
      button {
        font-size: 14px;
        padding: 0 0.55rem;
      }
      .warning {
        grid-column: 2 / -1;
        color: var(--accent);
        font-size: 13px;
      }
      textarea {
        width: 100%;
        box-sizing: border-box;
        padding: 0.4rem 0.55rem;
        field-sizing: content;
        min-height: 2.4rem;
        resize: none;
      }
      @media (max-width: 560px) {
        li {
          grid-template-columns: 1fr auto;
          gap: 0.15rem 0.4rem;
        }
        textarea,
        .warning {
          grid-column: 1 / -1;
          grid-row: 2;
        }
        .warning {
          grid-row: 3;
        }
        .span strong {
          display: inline;
        }
      }
    `]}focusText(e){this.fields[e]?.focus()}render(){return y`<ol>
      ${this.clips.map((e,t)=>this.row(e,t))}
    </ol>`}row(e,t){return y`
      <li class=${t===this.selected?`selected`:``} ${F({"--hue":nn(t)})}>
        <div class="span">
          <strong>Clip ${t+1}</strong>
          ${Vt(e.start,this.interval,this.units)} to ${Vt(e.end-1,this.interval,this.units)}
        </div>
        <textarea
          aria-label="What clip ${t+1} shows"
          .value=${e.description}
          @focus=${()=>this.send(`choose`,t)}
          @input=${e=>this.write(e,t)}
        ></textarea>
        ${this.canRetell?y`<button
              ?disabled=${this.retelling>=0}
              aria-label="Tell again: clip ${t+1}"
              title="The narrator writes this clip anew; the others stay"
              @click=${()=>this.send(`retell`,t)}
            >
              ${this.retelling===t?`Telling …`:`Tell again`}
            </button>`:x}
        ${this.unread.has(t)?y`<div class="warning">Too short: no latent frame reads it, so it will not be seen.</div>`:x}
      </li>
    `}write(e,t){let n=e.target.value;M(n)?this.send(`describe`,{clip:t,description:n}):this.send(`refuse`,t)}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};L([E({attribute:!1})],B.prototype,`clips`,void 0),L([E({attribute:!1})],B.prototype,`unread`,void 0),L([E({type:Number})],B.prototype,`selected`,void 0),L([E({type:Number})],B.prototype,`interval`,void 0),L([E()],B.prototype,`units`,void 0),L([E({type:Boolean,attribute:`can-retell`})],B.prototype,`canRetell`,void 0),L([E({type:Number})],B.prototype,`retelling`,void 0),L([Ke(`textarea`)],B.prototype,`fields`,void 0),B=L([T(`clip-texts`)],B);var V=class extends w{constructor(...e){super(...e),this.stride=4,this.selected=0,this.snaps=!0,this.ripples=!1,this.units=`frames`,this.reordered=!1}static{this.styles=[Jt,Qt]}render(){let{anchors:e,clips:t}=this.story,n=new Set(Tt(this.story,this.stride)),r=new Set(e.map(e=>j(this.story,e.frame)));return y`
      <div class="clips">
        ${t.map((e,t)=>this.clip(e,t,`${r.has(t)?`anchored`:``} ${n.has(t)?`unread`:``}`))}
        ${t.slice(1).map((e,t)=>this.edge(t,e.start))} ${this.end()}
      </div>
    `}clip(e,t,n){return y`
      <button
        class="clip ${n}"
        ${F({left:I(e.start,this.story.numFrames),width:I(A(e),this.story.numFrames),"--hue":nn(t)})}
        aria-pressed=${t===this.selected}
        aria-label="Clip ${t+1}, frames ${e.start+1} to ${e.end}: ${e.description}"
        @click=${()=>this.send(`choose`,this.reordered?this.selected:t)}
        @pointerdown=${e=>this.dragClip(e,t)}
        @focus=${()=>this.send(`choose`,t)}
        @dblclick=${()=>this.send(`write`,t)}
        @keydown=${e=>this.clipKey(e,t)}
      >
        <span class="text">${e.description}</span>
      </button>
    `}edge(e,t){let{clips:n,interval:r,numFrames:i}=this.story;return y`
      <div
        class="edge"
        ${F({left:I(t,i)})}
        role="slider"
        tabindex="0"
        aria-label="Edge between clips ${e+1} and ${e+2}"
        aria-valuemin=${n[e].start+2}
        aria-valuemax=${n[e+1].end}
        aria-valuenow=${t+1}
        aria-valuetext="Clip ${e+2} begins at ${Ht(t,r,this.units)}"
        @keydown=${t=>this.edgeKey(t,e)}
        @pointerdown=${t=>this.dragEdge(t,e)}
      ></div>
    `}end(){let{clips:e,interval:t,numFrames:n}=this.story,r=e.length-1;return y`
      <div
        class="edge end"
        role="slider"
        tabindex="0"
        aria-label="End of the story"
        aria-valuemin=${e[r].start+1}
        aria-valuemax=${Ft}
        aria-valuenow=${n}
        aria-valuetext="Clip ${r+1} ends at ${Ht(n-1,t,this.units)}"
        @keydown=${e=>this.edgeKey(e,r)}
        @pointerdown=${e=>this.dragEdge(e,r)}
      ></div>
    `}dragClip(e,t){if(e.button!==0)return;let[n,r]=[e.clientX,Kt(`drag clip`)],i=t;this.reordered=!1,Ut(e,e=>{if(!this.reordered&&Math.abs(e.clientX-n)<8)return;let t=It(e.clientX,this.track.getBoundingClientRect(),this.story.numFrames),a=j(this.story,t),o=this.story.clips[a],s=(o.start+o.end-1)/2;(a>i&&t>=s||a<i&&t<=s)&&(this.reordered=!0,this.edit({type:`move_clip`,clip:i,to:a},r),i=a,this.send(`choose`,a))})}dragEdge(e,t){let n=this.story,r=Kt(`drag edge`);Wt(e,e=>{let i=this.track.getBoundingClientRect();if(this.isRipple(e,t)){let a=Lt(e.clientX,i,n.numFrames,Ft);this.resize(t,a-n.clips[t].start,r);return}let{numFrames:a}=this.story,o=Lt(e.clientX,i,a);this.moveEdge(t,this.snaps?Rt(o,a,this.stride):o,r)})}isRipple(e,t){return e.shiftKey||this.ripples||t===this.story.clips.length-1}edgeKey(e,t){let n=this.story.clips[t],r=qt(e,this.stride);r!==null&&(e.preventDefault(),this.isRipple(e,t)?this.resize(t,A(n)+Math.sign(r)*this.stride,`resize ${t}`):this.moveEdge(t,n.end+r,`nudge edge ${t}`))}clipKey(e,t){let n={Delete:`remove`,Backspace:`remove`,s:`split`,m:`merge`,d:`duplicate`}[e.key],r={ArrowLeft:-1,ArrowRight:1}[e.key];e.ctrlKey||e.metaKey||!(n||r||e.key===`Enter`)||(e.preventDefault(),this.send(`choose`,t),n?this.send(`tool`,n):r?this.goOn(t,r,e.altKey):this.send(`write`,t))}goOn(e,t,n){let r=e+t;r<0||r>=this.story.clips.length||(n&&this.send(`tool`,t<0?`earlier`:`later`),setTimeout(()=>this.renderRoot.querySelectorAll(`.clip`)[r]?.focus()))}moveEdge(e,t,n){let r=zt(this.story,e,t);this.story.clips[e].end!==r&&this.edit({type:`move_edge`,edge:e,frame:r},n)}resize(e,t,n){let r=Math.max(t,1);r!==A(this.story.clips[e])&&this.edit({type:`resize`,clip:e,length:r},n)}edit(e,t){this.send(`edit`,{edit:e,group:t})}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};L([E({attribute:!1})],V.prototype,`story`,void 0),L([E({type:Number})],V.prototype,`stride`,void 0),L([E({type:Number})],V.prototype,`selected`,void 0),L([E({type:Boolean})],V.prototype,`snaps`,void 0),L([E({type:Boolean})],V.prototype,`ripples`,void 0),L([E()],V.prototype,`units`,void 0),L([O(`.clips`)],V.prototype,`track`,void 0),V=L([T(`clip-track`)],V);var an=class extends w{constructor(...e){super(...e),this.stride=4}static{this.styles=$t}render(){let e=Ct(this.story.numFrames,this.stride),t=wt(vt(this.story,e),this.stride);return y`
      <div class="latent" title="Latent frames, in the colour of the clip that each reads" aria-hidden="true">
        ${St(e,this.stride).map(({start:n,end:r},i)=>y`
            <span
              ${F({left:I(n,e),width:I(r-n,e),"--hue":nn(t[i])})}
            ></span>
          `)}
      </div>
    `}};L([E({attribute:!1})],an.prototype,`story`,void 0),L([E({type:Number})],an.prototype,`stride`,void 0),an=L([T(`latent-track`)],an);var H=class extends w{constructor(...e){super(...e),this.numFrames=1,this.interval=.2,this.stride=4,this.frame=0,this.units=`frames`}static{this.styles=Xt}render(){let e=Bt(this.numFrames),t=Array.from({length:Math.ceil(this.numFrames/e)},(t,n)=>n*e);return y`
      <div
        class="ruler"
        role="slider"
        tabindex="0"
        aria-label="Playhead"
        aria-valuemin="1"
        aria-valuemax=${this.numFrames}
        aria-valuenow=${this.frame+1}
        aria-valuetext=${Ht(this.frame,this.interval,this.units)}
        @keydown=${this.nudge}
        @pointerdown=${this.drag}
      >
        ${t.map(e=>y`<span ${F({left:I(e,this.numFrames)})}>
            ${Vt(e,this.interval,this.units)}
          </span>`)}
        <div class="playhead" ${F({left:I(this.frame+.5,this.numFrames)})}></div>
      </div>
    `}drag(e){let t=({clientX:e})=>this.seek(It(e,this.track.getBoundingClientRect(),this.numFrames));Wt(e,t)&&t(e)}nudge(e){let t=qt(e,this.stride);t!==null&&(e.preventDefault(),this.seek(this.frame+t))}seek(e){this.dispatchEvent(new CustomEvent(`seek`,{detail:e}))}};L([E({type:Number})],H.prototype,`numFrames`,void 0),L([E({type:Number})],H.prototype,`interval`,void 0),L([E({type:Number})],H.prototype,`stride`,void 0),L([E({type:Number})],H.prototype,`frame`,void 0),L([E()],H.prototype,`units`,void 0),L([O(`.ruler`)],H.prototype,`track`,void 0),H=L([T(`time-ruler`)],H);var U=class extends w{constructor(...e){super(...e),this.images=[],this.candidates=[],this.guesses=[],this.stride=4,this.canRetell=!1,this.retelling=-1,this.history=null,this.frame=0,this.selected=0,this.snaps=!0,this.ripples=!1,this.units=`frames`,this.status=``,this.refused=!1}static{this.styles=[Jt,en]}get value(){return this.history&&at(this.history.present)}set value(e){this.history=e&&Dt(N(e)),this.selected=0,this.frame=Math.min(this.frame,(e?.num_frames??1)-1),this.say(``)}get playhead(){return this.frame}set playhead(e){let t=(this.history?.present.numFrames??1)-1;this.frame=Math.min(Math.max(Math.round(e),0),t)}replace(e,t=`The story was told anew.`){this.history=this.history?kt(this.history,N(e)):Dt(N(e)),this.settle(t)}place(e,t){this.history?.present.anchors.some(t=>t.image===e)&&this.moveAnchor(e,t,Kt(`place`))}undo(){this.travel(At,`Undone.`)}redo(){this.travel(jt,`Done again.`)}edit(e,t=null){if(this.history===null)return;let n=this.history.present;try{this.history=Ot(this.history,e,t)}catch(e){if(!(e instanceof k))throw e;this.say(e.message,!0);return}this.settle(on(e,n,this.history.present))}travel(e,t){if(this.history===null)return;let n=e(this.history);n!==this.history&&(this.history=n,this.settle(t))}settle(e){let{clips:t,numFrames:n}=this.history.present;this.selected=Math.min(this.selected,t.length-1),this.frame=Math.min(this.frame,n-1),this.say(e),this.dispatchEvent(new CustomEvent(`change`,{detail:this.value,bubbles:!0,composed:!0}))}say(e,t=!1){this.status=e,this.refused=t}moveAnchor(e,t,n){let{anchors:r}=this.history.present;if(r.find(t=>t.image===e)?.frame!==t){let i=r.length===1;this.edit(i?{type:`move_anchor`,frame:t}:{type:`move_image`,image:e,frame:t},n)}}moveClip(e,t){let n=e+t;n>=0&&n<this.history.present.clips.length&&(this.edit({type:`move_clip`,clip:e,to:n}),this.selected=n)}setPlayhead(e){this.playhead=e,this.dispatchEvent(new CustomEvent(`playhead`,{detail:this.frame,bubbles:!0,composed:!0}))}shortcut(e){let t=e.composedPath()[0]instanceof HTMLTextAreaElement;if(!(e.ctrlKey||e.metaKey)||t)return;let n=e.key.toLowerCase();(n===`z`||n===`y`)&&(e.preventDefault(),n===`y`||e.shiftKey?this.redo():this.undo())}render(){if(this.history===null)return x;let e=this.history.present;return y`
      <div @keydown=${this.shortcut} role="group" aria-label="Timeline">
        ${this.tools(e)}
        <div class="tracks">
          ${this.ruler(e)} ${this.anchorTrack(e)} ${this.clipTrack(e)}
          <latent-track .story=${e} .stride=${this.stride}></latent-track>
        </div>
        <p class="status ${this.refused?`refused`:``}" role="status">${this.status}</p>
        ${e.reasoning?y`<p class="reasoning"><span>Why:</span> ${e.reasoning}</p>`:x}
        <clip-texts
          .clips=${e.clips}
          .unread=${new Set(Tt(e,this.stride))}
          .selected=${this.selected}
          .interval=${e.interval}
          .units=${this.units}
          .canRetell=${this.canRetell}
          .retelling=${this.retelling}
          @choose=${e=>this.selected=e.detail}
          @describe=${this.describe}
          @refuse=${e=>this.say(`Clip ${e.detail+1} keeps its text until you write another.`,!0)}
          @retell=${e=>this.retell(e.detail)}
        ></clip-texts>
        <label class="style">
          Style of all
          <input
            .value=${e.style}
            placeholder="Said before every clip, such as: a water colour"
            @change=${e=>this.setStyle(e)}
          />
        </label>
      </div>
    `}tools(e){let{past:t,future:n}=this.history;return y`
      <timeline-tools
        .story=${e}
        .undoes=${t.length>0}
        .redoes=${n.length>0}
        .selected=${this.selected}
        .frame=${this.frame}
        .snaps=${this.snaps}
        .ripples=${this.ripples}
        .units=${this.units}
        .guesses=${this.guesses}
        @tool=${e=>this.use(e.detail)}
        @place=${e=>this.place(e.detail.image,e.detail.frame)}
        @length=${e=>this.edit({type:`retime`,num_frames:Ct(e.detail,this.stride)})}
        @refuse=${e=>this.say(e.detail,!0)}
      ></timeline-tools>
    `}use(e){let t=this.selected;({undo:()=>this.undo(),redo:()=>this.redo(),split:()=>this.edit({type:`split`,frame:this.frame}),merge:()=>this.edit({type:`merge`,first:t,last:t+1}),duplicate:()=>this.edit({type:`duplicate`,clip:t}),remove:()=>this.edit({type:`remove`,clip:t}),earlier:()=>this.moveClip(t,-1),later:()=>this.moveClip(t,1),snap:()=>this.snaps=!this.snaps,ripple:()=>this.ripples=!this.ripples,units:()=>this.units=this.units===`frames`?`seconds`:`frames`,guesses:()=>this.toGuesses()})[e]()}ruler(e){return y`<time-ruler
      .numFrames=${e.numFrames}
      .interval=${e.interval}
      .stride=${this.stride}
      .frame=${this.frame}
      .units=${this.units}
      @seek=${e=>this.setPlayhead(e.detail)}
    ></time-ruler>`}anchorTrack(e){return y`<anchor-track
      .story=${e}
      .images=${this.images}
      .candidates=${this.candidates}
      .stride=${this.stride}
      .units=${this.units}
      @place=${({detail:{image:e,frame:t,group:n}})=>this.moveAnchor(e,t,n)}
      @idea=${e=>this.take(e.detail)}
    ></anchor-track>`}take(e){e.narrative?this.replace(e.narrative,`Idea ${e.number} is on the timeline.`):this.edit({type:`move_anchor`,frame:e.position-1}),this.dispatchEvent(new CustomEvent(`candidate`,{detail:e,bubbles:!0,composed:!0}))}clipTrack(e){return y`<clip-track
      .story=${e}
      .stride=${this.stride}
      .selected=${this.selected}
      .snaps=${this.snaps}
      .ripples=${this.ripples}
      .units=${this.units}
      @edit=${({detail:{edit:e,group:t}})=>this.edit(e,t)}
      @choose=${e=>this.selected=e.detail}
      @tool=${e=>this.use(e.detail)}
      @write=${e=>this.texts.focusText(e.detail)}
    ></clip-track>`}retell(e){this.dispatchEvent(new CustomEvent(`retell`,{detail:e,bubbles:!0,composed:!0}))}describe(e){let{clip:t,description:n}=e.detail;this.edit({type:`set_description`,clip:t,description:n},`text ${t}`)}toGuesses(){let e=Kt(`guess`);for(let{image:t}of this.history.present.anchors){let n=this.guesses[t];n!==void 0&&this.moveAnchor(t,n-1,e)}}setStyle(e){this.edit({type:`set_style`,style:e.target.value})}};L([E({attribute:!1})],U.prototype,`images`,void 0),L([E({attribute:!1})],U.prototype,`candidates`,void 0),L([E({attribute:!1})],U.prototype,`guesses`,void 0),L([E({type:Number})],U.prototype,`stride`,void 0),L([E({type:Boolean,attribute:`can-retell`})],U.prototype,`canRetell`,void 0),L([E({type:Number})],U.prototype,`retelling`,void 0),L([D()],U.prototype,`history`,void 0),L([D()],U.prototype,`frame`,void 0),L([D()],U.prototype,`selected`,void 0),L([D()],U.prototype,`snaps`,void 0),L([D()],U.prototype,`ripples`,void 0),L([D()],U.prototype,`units`,void 0),L([D()],U.prototype,`status`,void 0),L([D()],U.prototype,`refused`,void 0),L([O(`clip-texts`)],U.prototype,`texts`,void 0),U=L([T(`reasondiff-timeline`)],U);function on(e,t,n){return e.type===`set_description`?``:n.numFrames===t.numFrames?e.type===`move_edge`?`Clip ${e.edge+2} begins at frame ${e.frame+1}.`:e.type===`move_anchor`||e.type===`move_image`?`The image is at frame ${e.frame+1}.`:`The story has ${n.clips.length} clips.`:`The story has ${n.numFrames} frames now.`}var W=o`
  :host {
    display: block;
    color: var(--ink);
  }
  h2 {
    font-size: 1rem;
    margin: 0 0 0.6rem;
  }
  p {
    margin: 0.4rem 0;
  }
  label {
    display: block;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  button {
    min-height: 38px;
    padding: 0 0.8rem;
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--soft);
  }
  button.small {
    min-height: 32px;
    padding: 0 0.55rem;
    font-size: 14px;
  }
  button.main {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }
  button.main:hover:not(:disabled) {
    filter: brightness(1.12);
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  input,
  textarea {
    box-sizing: border-box;
    padding: 0.45rem 0.55rem;
    min-height: 38px;
  }
  ::placeholder {
    color: var(--soft);
    opacity: 1;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 0.6rem;
    align-items: center;
    margin-top: 0.6rem;
  }
  .soft {
    color: var(--soft);
  }
  .error {
    color: var(--accent);
    font-weight: 600;
  }
  .warning {
    border-left: 3px solid var(--accent);
    padding-left: 0.6rem;
  }
`,sn=class extends w{constructor(...e){super(...e),this.clip=0,this.text=null}static{this.styles=[W,o`
      details {
        margin-top: 0.7rem;
        border-top: 1px solid var(--line);
        padding-top: 0.6rem;
      }
      summary {
        cursor: pointer;
      }
      select,
      textarea {
        width: 100%;
        margin-top: 0.2rem;
        min-height: 38px;
      }
      textarea {
        field-sizing: content;
        resize: none;
      }
      label {
        margin-top: 0.5rem;
      }
    `]}willUpdate(e){let t=e.get(`narrative`);t&&JSON.stringify(t.clips)!==JSON.stringify(this.narrative.clips)&&this.choose(0)}render(){let{clips:e}=this.narrative,t=e[this.clip].description,n=this.text??t,r=M(n)!==M(t);return y`
      <details>
        <summary>Redo one clip, keep the rest</summary>
        <label>
          Clip
          <select @change=${e=>this.choose(e.target.selectedIndex)}>
            ${e.map(({start:e,end:t,description:n},r)=>y`<option .selected=${r===this.clip}>
                ${r+1} · ${e} to ${t} · ${n}
              </option>`)}
          </select>
        </label>
        <label>
          What it shows
          <textarea
            .value=${n}
            @input=${e=>this.text=e.target.value}
          ></textarea>
        </label>
        <div class="row">
          <button ?disabled=${!M(n)} @click=${()=>this.redo(r?n:null)}>
            ${r?`Redo with these words`:`Redo with another seed`}
          </button>
        </div>
      </details>
    `}choose(e){this.clip=e,this.text=null}redo(e){let t={clip:this.clip,text:e};this.dispatchEvent(new CustomEvent(`redo`,{detail:t}))}};L([E({attribute:!1})],sn.prototype,`narrative`,void 0),L([D()],sn.prototype,`clip`,void 0),L([D()],sn.prototype,`text`,void 0),sn=L([T(`clip-redo`)],sn);var cn=`{"reasondiff_record"`,ln=2**26,un=[[`moov`,0],[`udta`,0],[`meta`,4],[`ilst`,0],[`©cmt`,0],[`data`,8]];async function dn(e){let[t,n]=[0,e.size];for(let[r,i]of un){let a=await fn(e,t,n,r);if(a===null)return null;[t,n]=[a.start+i,a.end]}if(n-t>ln)return null;let r=await e.slice(t,n).text();return r.startsWith(cn)?JSON.parse(r):null}async function fn(e,t,n,r){for(;t+8<=n;){let i=new DataView(await e.slice(t,Math.min(t+16,n)).arrayBuffer()),a=String.fromCharCode(...[4,5,6,7].map(e=>i.getUint8(e))),o=i.getUint32(0),s=o===1&&i.byteLength===16,c=s?Number(i.getBigUint64(8)):o||n-t;if(c<8||t+c>n)return null;if(a===r)return{start:t+(s?16:8),end:t+c};t+=c}return null}var pn={prompt:``,pictures:[],narrative:null,ideas:[],seed:0,seedLocked:!1,steps:null},mn=`reasondiff.draft`;function hn(e){try{localStorage.setItem(mn,JSON.stringify(e))}catch{localStorage.setItem(mn,JSON.stringify({...e,pictures:[],ideas:[]}))}}function gn(){try{let e={...pn,...JSON.parse(localStorage.getItem(mn)??`{}`)};return{...e,narrative:e.narrative&&ot(e.narrative),ideas:e.ideas.map(ot)}}catch{return pn}}function _n(e){return(e.anchors??[{position:e.position??1}]).toSorted((e,t)=>(e.image??0)-(t.image??0)).map(e=>e.position)}function vn(e){return e.narrative===null||_n(e.narrative).length===e.pictures.length}var yn=8e3,bn={type:`auto`},xn=class{constructor(e,t,n,r){this.host=e,this.client=t,this.putOnTimeline=n,this.usualSteps=r,this.draft=pn,this.notice=null,this.problem=``,this.timer=0,e.addController(this)}hostConnected(){this.set(gn())}hostDisconnected(){clearTimeout(this.timer)}change(e){this.draft={...this.draft,...e},hn(this.draft),this.host.requestUpdate()}set(e){let t=this.draft.narrative===null;this.change(e),e.narrative&&this.putOnTimeline(e.narrative,t)}tell(e,t){clearTimeout(this.timer),this.notice={text:e,undo:t},this.timer=window.setTimeout(()=>this.dismiss(),yn),this.host.requestUpdate()}takeBack(){let{notice:e}=this;this.dismiss(),e?.undo()}images(){return this.draft.pictures.map(({url:e,place:t})=>({image:Je(e),place:t}))}toldImages(){return this.images().map(e=>({...e,place:this.draft.narrative?bn:e.place}))}async addImages(e){this.problem=``;let t=(await Promise.all(e.map(qe))).map(e=>({url:e,place:bn}));this.change({pictures:[...this.draft.pictures,...t]})}removeImage(e){let t=this.draft,n=t.pictures.toSpliced(e,1);this.change({pictures:n,ideas:[]}),t.narrative?.anchors&&n.length&&this.putOnTimeline(Cn(t.narrative,e),!1),this.tell(`The image is removed.`,()=>this.set(t))}setPlace(e,t){let{narrative:n,pictures:r}=this.draft,i=r[e],a=n?_n(n)[e]:void 0,o=t.type===`frame_index`&&i.place.type!==`frame_index`&&a?{type:`frame_index`,frame:a-1}:t;return this.change({pictures:r.with(e,{...i,place:o})}),n&&Sn(o,n.num_frames)}edited(e){let t=_n(e),n=this.draft.pictures.map((n,r)=>{let[i,a]=[Sn(n.place,e.num_frames),t[r]];return i===null||a===void 0||i===a-1?n:{...n,place:{type:`frame_index`,frame:a-1}}});this.change({narrative:e,pictures:n})}async restore(e){this.problem=``;try{if(e.name.endsWith(`.json`)||e.type===`application/json`){let t=ot(JSON.parse(await e.text()));this.exchange({...this.draft,narrative:t,ideas:[]},`The story of ${e.name} is on the timeline.`);return}let t=await dn(e);if(t===null)this.problem=`${e.name} holds no story; give a video that ReasonDiff made, or a narrative file.`;else{let n={...this.draftOf(t),seedLocked:!0};this.exchange(n,`${e.name} is as it was when it was made.`)}}catch(t){let n=t instanceof k?`: ${t.message}`:`; give a narrative file or a video that ReasonDiff made.`;this.problem=`${e.name} cannot be read as a story${n}`}this.host.requestUpdate()}async use(e){let t=`The story of “${e.prompt||`No text`}” is on the timeline.`;if(e.status===`completed`){let n=await dn(await this.client.content(e.id,`video`));if(n?.image){this.exchange(this.draftOf(n),t);return}}let n=(await this.client.images(e)).map(async({image:e,place:t})=>({url:await qe(e),place:t})),r=await Promise.all(n),{narrative:i=null,seed:a}=e.reasondiff??{};this.exchange({...this.draft,prompt:e.prompt??``,pictures:r,narrative:i,ideas:[],seed:a??0},t)}exchange(e,t){let n=this.draft;this.set(e),(n.pictures.length||n.prompt||n.narrative)&&this.tell(t,()=>this.set(n))}draftOf(e){let t=(e.image?[e.image,...e.more_images??[]]:[]).map(e=>({url:`data:image/png;base64,${e}`,place:bn})),n=e.options.num_inference_steps;return{prompt:e.prompt,pictures:t.length?t:this.draft.pictures,narrative:ot(e.narrative),ideas:[],seed:e.seed,seedLocked:this.draft.seedLocked,steps:typeof n==`number`&&n!==this.usualSteps()?n:null}}dismiss(){clearTimeout(this.timer),this.notice=null,this.host.requestUpdate()}};function Sn(e,t){switch(e.type){case`auto`:return null;case`first_frame`:return 0;case`last_frame`:return t-1;case`frame_index`:return Math.min(e.frame,t-1)}}function Cn({anchors:e=[],...t},n){let r=e.map(e=>({position:e.position,image:e.image??0})).filter(e=>e.image!==n).map(e=>({...e,image:e.image-Number(e.image>n)}));return r.length===1?{...t,position:r[0].position}:{...t,anchors:r}}var wn={"storyworld-tiny":[{image:`example-vase.png`,about:`A broken vase`,prompt:`A cat plays in the room.`},{image:`example-candle.png`,about:`A snuffed candle`,prompt:`A person opens the window.`},{image:`example-bicycle.png`,about:`A bicycle`,prompt:`A car drives by.`}]};function Tn(e){return wn[e??``]??[]}var En=class extends w{static{this.styles=W}render(){return y`
      <form class="row" @submit=${this.submit}>
        <label>This server asks for a key <input name="key" type="password" autocomplete="off" required /></label>
        <button>Go on</button>
      </form>
    `}submit(e){e.preventDefault();let t=String(new FormData(e.target).get(`key`));this.dispatchEvent(new CustomEvent(`key`,{detail:t}))}};En=L([T(`key-form`)],En);var G=class extends w{constructor(...e){super(...e),this.url=``,this.count=1,this.label=``}static{this.styles=[W,o`
      canvas {
        display: block;
        width: 100%;
        border-radius: 8px;
        background: var(--track);
        image-rendering: pixelated;
      }
    `]}render(){return y`<canvas role="img" aria-label=${this.label} width="0" height="0"></canvas>`}updated(e){(e.has(`url`)||e.has(`count`))&&this.draw()}async draw(){let{url:e,count:t}=this,n=new Image;n.src=e;try{await n.decode()}catch{return}if(e!==this.url)return;let[r,i]=[n.naturalWidth/t,n.naturalHeight],a=t<=4?t:t<=12?3:5,o=Math.max(1,Math.round(r/40));this.canvas.width=a*(r+o)-o,this.canvas.height=Math.ceil(t/a)*(i+o)-o;let s=this.canvas.getContext(`2d`);for(let e=0;e<t;e++){let[t,c]=[e%a*(r+o),Math.floor(e/a)*(i+o)];s.drawImage(n,e*r,0,r,i,t,c,r,i)}}};L([E()],G.prototype,`url`,void 0),L([E({type:Number})],G.prototype,`count`,void 0),L([E()],G.prototype,`label`,void 0),L([O(`canvas`)],G.prototype,`canvas`,void 0),G=L([T(`latent-preview`)],G);var Dn=2e3,On=15e3,kn=class{constructor(e,t,n){this.host=e,this.client=t,this.done=n,this.models=[],this.videos=[],this.pictures=new Map,this.previews=new Map,this.locked=!1,this.offline=!1,this.more=!1,this.hidden=new Set,this.limit=30,this.timer=0,this.watched=new Map,e.addController(this)}hostConnected(){this.refresh()}hostDisconnected(){clearTimeout(this.timer),this.watched.forEach(e=>e.abort())}get model(){return this.models[0]}get listed(){return this.videos.filter(e=>!this.hidden.has(e.id))}get open(){let e=e=>e.reasondiff?.queue_position??-1;return this.listed.filter(e=>!$e(e)).toSorted((t,n)=>e(t)-e(n))}hide(e,t){let n=new Set(this.hidden);t?n.add(e):n.delete(e),this.hidden=n,this.host.requestUpdate()}showOlder(){return this.limit=Math.min(this.limit+30,100),this.refresh()}async refresh(){clearTimeout(this.timer);try{let[e,t]=await Promise.all([this.client.models(),this.client.list(this.limit)]);this.models=e,this.videos=t.videos,this.more=t.more&&this.limit<100,this.offline=!1,this.locked=!1;for(let e of this.videos)this.watch(e),this.fetchPicture(e)}catch(e){this.locked=e instanceof Xe&&e.status===401,this.offline=!this.locked}this.host.requestUpdate(),this.timer=window.setTimeout(()=>void this.refresh(),document.hidden?On:Dn)}watch(e){if($e(e)||e.status===`queued`||this.watched.has(e.id))return;let t=new AbortController;this.watched.set(e.id,t),this.follow(e.id,t.signal).finally(()=>this.watched.delete(e.id))}async follow(e,t){for await(let n of this.client.events(e,t))this.videos=this.videos.map(t=>t.id===e?{...t,...n}:t),this.host.requestUpdate(),$e(n)?this.setPreview(e,null):n.reasondiff?.variants?.includes(`preview`)&&this.setPreview(e,await this.client.content(e,`preview`).catch(()=>null)),n.status===`completed`&&(await this.fetchPicture(n),this.done(n))}setPreview(e,t){let n=new Map(this.previews),r=n.get(e);t?.size?n.set(e,URL.createObjectURL(t)):n.delete(e),this.previews=n,this.host.requestUpdate(),r!==void 0&&setTimeout(()=>URL.revokeObjectURL(r),2e3)}async fetchPicture(e){let t=e.status===`completed`?e.id:`${e.id} waits`;if(this.pictures.has(t))return;this.pictures=new Map(this.pictures).set(t,``);let n=e.status===`completed`?`thumbnail`:`image`,r=await this.client.content(e.id,n).catch(()=>null);if(r){let n=URL.createObjectURL(r);this.pictures=new Map(this.pictures).set(t,n).set(e.id,n),this.host.requestUpdate()}}};function An(e){let t=Math.max(1,Math.round(e));return t<90?`${t} s`:t<5400?`${Math.round(t/60)} min`:`${(t/3600).toFixed(1)} h`}function jn(e){return e.charAt(0).toUpperCase()+e.slice(1)}function Mn(e){return e instanceof Xe?e.message:e instanceof TypeError?`The server does not answer; is it still running?`:String(e)}var Nn={narrate:`Telling the story`,encode:`Reading the texts`,align:`Predicting the frames`,denoise:`Step`,decode:`Drawing the frames`};function Pn(e){let t=e.reasondiff??{},n=t.seed===null||t.seed===void 0?``:` (seed ${t.seed})`;switch(e.status){case`queued`:return t.queue_position?`Waiting, ${t.queue_position} before it${n}`:`Next in the queue${n}`;case`in_progress`:{let e=t.stage===`denoise`&&t.steps?` ${t.step??0} of ${t.steps}`:``,r=t.eta_s?`, ${An(t.eta_s)} left`:``;return`${Nn[t.stage??``]??`Starting`}${e}${r}${n}`}case`completed`:return`Done${n}${e.remixed_from_video_id?`, varied`:``}`;default:return e.error?.code===`cancelled`?`Stopped${n}`:`Failed${n}`}}var K=class extends w{constructor(...e){super(...e),this.frames=null,this.waiting=0,this.obstacle=``,this.warnings=[],this.problem=``,this.changes=!1,this.busy=!1}static{this.styles=[W,o`
      .settings {
        display: grid;
        grid-template-columns: 1.5fr 1fr 1fr;
        gap: 0.6rem;
      }
      input[type="number"] {
        width: 100%;
        margin-top: 0.2rem;
      }
      .check {
        display: flex;
        gap: 0.4rem;
        align-items: center;
        margin: 0.5rem 0;
      }
      .check input {
        min-height: 0;
        width: 1.1rem;
        height: 1.1rem;
        margin: 0;
        accent-color: var(--accent);
      }
      .cost {
        font-variant-numeric: tabular-nums;
        margin: 0.6rem 0;
      }
      button.main {
        width: 100%;
        min-height: 44px;
      }
      .row button.main {
        width: auto;
        flex: 1;
      }
    `]}render(){let{seed:e,seedLocked:t,steps:n,count:r}=this.making,i=this.model?.reasondiff?.num_inference_steps;return y`
      <div class="settings">
        <label>Seed ${this.number(`seed`,e,0,2**32-1)}</label>
        <label>Steps ${this.number(`steps`,n,1,1e3,i?String(i):``)}</label>
        <label>Videos ${this.number(`count`,r,1,8)}</label>
      </div>
      <label class="check">
        <input
          type="checkbox"
          .checked=${t}
          @change=${e=>this.send(`making`,{seedLocked:e.target.checked})}
        />
        Keep the seed for the next one
      </label>
      <p class="cost soft">${this.cost()}</p>
      ${this.warnings.map(e=>y`<p class="warning">${e}</p>`)}
      ${this.changes?y`<div class="row">
            ${this.button(`Save the change`)}<button @click=${()=>this.send(`leave`,null)}>Leave it</button>
          </div>`:this.button(r>1?`Make ${r} videos`:`Make the video`)}
      ${this.obstacle?y`<p class="soft">${this.obstacle}</p>`:x}
      ${this.problem?y`<p class="error" role="alert">${this.problem}</p>`:x}
    `}button(e){return y`<button class="main" ?disabled=${this.obstacle!==``||this.busy} @click=${()=>this.send(`make`,null)}>${e}</button>`}number(e,t,n,r,i=``){return y`<input
      type="number"
      min=${n}
      max=${r}
      placeholder=${i}
      .value=${t===null?``:String(t)}
      @change=${t=>{let i=t.target,a=(i.value===``?null:Math.min(Math.max(Math.round(Number(i.value)),n),r))??(e===`steps`?null:n);i.value=a===null?``:String(a),this.send(`making`,{[e]:a})}}
    />`}cost(){let e=this.model?.reasondiff;if(!e)return``;let t=Ct(this.frames??e.num_frames??0,e.stride??4),n=this.making.steps??e.num_inference_steps??0,r=[`${t} frames, ${(t*(e.interval??.2)).toFixed(1)} s`,`${n} steps`];e.width&&e.height&&r.push(`near ${e.width} × ${e.height}`),(e.memory_gb??0)>=1&&r.push(`about ${e.memory_gb.toFixed(1)} GB of GPU memory`);let i=Fn(e,t,n),a=this.waiting?`, with ${this.waiting} before it`:``,o=i===null?`the first one will show how long it takes`:`about ${An(i*(this.making.count+this.waiting))}${a}`;return`${r.join(` · `)} · ${i===null?o:jn(o)}.`}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};L([E({attribute:!1})],K.prototype,`making`,void 0),L([E({attribute:!1})],K.prototype,`model`,void 0),L([E({attribute:!1})],K.prototype,`frames`,void 0),L([E({type:Number})],K.prototype,`waiting`,void 0),L([E()],K.prototype,`obstacle`,void 0),L([E({attribute:!1})],K.prototype,`warnings`,void 0),L([E()],K.prototype,`problem`,void 0),L([E({type:Boolean})],K.prototype,`changes`,void 0),L([E({type:Boolean})],K.prototype,`busy`,void 0),K=L([T(`make-form`)],K);function Fn(e,t,n){let{seconds_per_video:r,num_frames:i,num_inference_steps:a}=e;return r?r*(i?t/i:1)*(a?n/a:1):null}var In=class{constructor(e,t){this.host=e,this.say=t,this.seconds=null,this.hush=null,e.addController(this)}hostConnected(){}async run(e){let t=new AbortController;this.hush=t,this.say(``),this.count(0);let n=performance.now(),r=setInterval(()=>this.count((performance.now()-n)/1e3),1e3);try{await e(t.signal)}catch(e){this.say(t.signal.aborted?``:Mn(e))}finally{clearInterval(r),this.hush=null,this.count(null)}}stop(){this.hush?.abort()}count(e){this.seconds=e,this.host.requestUpdate()}};function Ln(e){let{pictures:t,narrative:n,prompt:r}=e;return t.length?!n&&!r.trim()?`Needs a text.`:vn(e)?``:`The story does not place every image; tell it anew.`:`Needs an image.`}function Rn(e,t){let n=Tt(N(e),t).map(e=>e+1);return n.length?[`${n.length===1?`Clip ${n[0]} is`:`Clips ${n.join(`, `)} are`} too short to be seen; make ${n.length===1?`it`:`them`} longer, or merge.`]:[]}var zn={video:`mp4`,gif:`gif`,contact_sheet:`png`,narrative:`json`},Bn=class{constructor(e,t,n){this.host=e,this.client=t,this.begun=n,this.shown=[],this.turn=Promise.resolve(),e.addController(this)}hostConnected(){}play(e,t=!1){return this.turn=this.turn.catch(()=>void 0).then(()=>this.show(e,t)),this.turn}finished(e){let t=this.shown.length===1&&e.remixed_from_video_id===this.shown[0].id;(!this.shown.length||t)&&this.play(e,t)}leave(e=null){this.shown=e===null?[]:this.shown.filter(t=>t.id!==e),this.host.requestUpdate()}async export(e){let{id:t}=this.shown[0];Ye(await this.client.content(t,e),`reasondiff-${t.slice(-8)}.${zn[e]??`json`}`)}async show(e,t){let n=this.shown.find(t=>t.id===e.id)??await this.shownOf(e),r=this.shown.find(t=>t.id!==e.id);this.shown=t&&r?[r,n]:[n],this.host.requestUpdate(),await this.host.updateComplete,this.begun()}async shownOf(e){let t=await this.client.content(e.id,`video`),n=e.reasondiff?.seed??0,r=e.remixed_from_video_id?`, varied`:``;return{id:e.id,url:URL.createObjectURL(t),label:`${e.prompt||`No text`} (seed ${n})${r}`}}},q=class extends w{constructor(...e){super(...e),this.pictures=[],this.prompt=``,this.telling=null,this.told=!1,this.problem=``,this.examples=[],this.over=!1}static{this.styles=[W,o`
      .form {
        display: grid;
        grid-template-columns: minmax(150px, 216px) 1fr;
        gap: 1rem;
      }
      .images {
        display: grid;
        gap: 0.5rem;
        align-content: start;
      }
      .images.several {
        grid-template-columns: 1fr 1fr;
      }
      .drop {
        position: relative;
        display: grid;
        place-items: center;
        align-content: center;
        gap: 0.2rem;
        min-height: 168px;
        border: 2px dashed var(--line);
        border-radius: 10px;
        text-align: center;
        padding: 0.5rem;
        cursor: pointer;
        background: var(--track);
      }
      .drop.more {
        min-height: 44px;
        font-size: 14px;
        grid-column: 1 / -1;
      }
      .drop:hover {
        border-color: var(--soft);
      }
      .drop.over,
      .drop:focus-within {
        border-color: var(--focus);
      }
      .drop strong {
        font-weight: 600;
      }
      .drop small {
        color: var(--soft);
        font-size: 13px;
      }
      .drop input {
        position: absolute;
        inset: 0;
        opacity: 0;
        cursor: pointer;
        min-height: 0;
        width: 100%;
        height: 100%;
      }
      figure {
        position: relative;
        margin: 0;
        display: grid;
        gap: 0.3rem;
        align-content: start;
      }
      figure img {
        width: 100%;
        height: 150px;
        object-fit: contain;
        border-radius: 8px;
        background: var(--track);
      }
      .several figure img {
        height: 92px;
      }
      figure > button {
        position: absolute;
        top: 4px;
        right: 4px;
        min-height: 30px;
        width: 30px;
        padding: 0;
        border-radius: 50%;
        line-height: 1;
      }
      figure .place {
        display: flex;
        gap: 0.3rem;
      }
      figure select {
        width: 100%;
        min-width: 0;
        min-height: 34px;
        font-size: 14px;
      }
      figure .place input {
        width: 4.2rem;
        min-height: 34px;
      }
      textarea {
        width: 100%;
        min-height: 92px;
        margin-top: 0.25rem;
        resize: vertical;
      }
      .examples {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        align-items: center;
        margin-top: 0.9rem;
      }
      .examples span {
        width: 100%;
      }
      .examples button {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        padding: 0.25rem 0.7rem 0.25rem 0.25rem;
        font-size: 14px;
        text-align: left;
      }
      .examples img {
        width: 40px;
        height: 40px;
        border-radius: 4px;
      }
      @media (max-width: 560px) {
        .form {
          grid-template-columns: 1fr;
        }
        .drop {
          min-height: 110px;
        }
      }
    `]}render(){let e=this.pictures.length>0&&this.prompt.trim()!==``;return y`
      <div class="form">
        <div class="images ${this.pictures.length>1?`several`:``}">
          ${this.pictures.map((e,t)=>this.picture(e,t))} ${this.dropZone()}
        </div>
        <div>
          <label>
            What happens? It need not describe the image’s moment.
            <textarea
              .value=${this.prompt}
              placeholder="A cat plays in the room."
              @input=${e=>this.send(`prompt`,e.target.value)}
              @keydown=${t=>{t.key===`Enter`&&(t.ctrlKey||t.metaKey)&&e&&this.send(`tell`,null)}}
            ></textarea>
          </label>
          <p class="row">
            ${this.telling===null?y`<button
                  class=${this.told?``:`main`}
                  title="Ctrl Enter"
                  ?disabled=${!e}
                  @click=${()=>this.send(`tell`,null)}
                >
                  ${this.told?`Tell it anew`:`Tell the story`}
                </button>`:y`<button @click=${()=>this.send(`hush`,null)}>Stop</button>
                  <span class="soft" role="status">The narrator thinks … ${Math.round(this.telling)} s</span>`}
            ${this.hint()}
          </p>
          ${this.problem?y`<p class="error" role="alert">${this.problem}</p>`:x}
          ${this.pictures.length||this.prompt||!this.examples.length?x:this.exampleRow()}
        </div>
      </div>
    `}hint(){return this.telling!==null||this.pictures.length&&this.prompt.trim()?x:y`<span class="soft">${this.pictures.length?`Write what happens first.`:`Needs an image first.`}</span>`}exampleRow(){return y`
      <div class="examples">
        <span class="soft">No image at hand? Try one of these:</span>
        ${this.examples.map(e=>y`
            <button @click=${()=>this.send(`example`,e)}>
              <img src=${e.image} alt=${e.about} width="40" height="40" />${e.prompt}
            </button>
          `)}
      </div>
    `}dropZone(){let e=!this.pictures.length;return y`
      <label
        class="drop ${e?``:`more`} ${this.over?`over`:``}"
        @dragover=${this.dragOver}
        @dragleave=${()=>this.over=!1}
        @drop=${this.drop}
      >
        ${e?y`<strong>Drop an image here</strong><small>or several; or an MP4 or story that ReasonDiff made</small>`:y`<span>Add an image, or restore</span>`}
        <input
          type="file"
          multiple
          aria-label="Images, or an MP4 or story file to restore"
          accept="image/png,image/jpeg,image/webp,video/mp4,application/json,.json"
          @change=${this.choose}
        />
      </label>
    `}picture({url:e,place:t},n){let r=this.pictures.length>1?`Image ${n+1}`:`The image`;return y`
      <figure>
        <img src=${e} alt=${r} />
        <button aria-label="Remove ${r.toLowerCase()}" title="Remove" @click=${()=>this.send(`remove`,n)}>✕</button>
        <div class="place">
          <select
            aria-label="Where ${r.toLowerCase()} is"
            @change=${e=>this.choosePlace(e.target.value,n)}
          >
            ${Vn.map(([e,n])=>y`<option value=${e} .selected=${e===t.type}>${n}</option>`)}
          </select>
          ${t.type===`frame_index`?y`<input
                type="number"
                min="1"
                aria-label="Frame of ${r.toLowerCase()}"
                .value=${String(t.frame+1)}
                @change=${e=>this.chooseFrame(e,n)}
              />`:x}
        </div>
      </figure>
    `}choosePlace(e,t){let n=e===`frame_index`?{type:e,frame:0}:{type:e};this.send(`place`,{image:t,place:n})}chooseFrame(e,t){let n=Math.max(1,Math.round(Number(e.target.value))||1);this.send(`place`,{image:t,place:{type:`frame_index`,frame:n-1}})}dragOver(e){e.preventDefault(),this.over=!0}drop(e){e.preventDefault(),e.stopPropagation(),this.over=!1,this.take([...e.dataTransfer?.files??[]])}choose(e){let t=e.target;this.take([...t.files??[]]),t.value=``}take(e){let t=e.filter(e=>e.type.startsWith(`image/`));t.length&&this.send(`images`,t);let n=e.find(e=>!e.type.startsWith(`image/`));n&&this.send(`restore`,n)}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};L([E({attribute:!1})],q.prototype,`pictures`,void 0),L([E()],q.prototype,`prompt`,void 0),L([E({attribute:!1})],q.prototype,`telling`,void 0),L([E({type:Boolean})],q.prototype,`told`,void 0),L([E()],q.prototype,`problem`,void 0),L([E({attribute:!1})],q.prototype,`examples`,void 0),L([D()],q.prototype,`over`,void 0),q=L([T(`story-form`)],q);var Vn=[[`auto`,`Automatic`],[`first_frame`,`First frame`],[`last_frame`,`Last frame`],[`frame_index`,`At frame`]],J=class extends w{constructor(...e){super(...e),this.images=[],this.frame=0,this.playing=!1,this.timer=0}static{this.styles=[W,o`
      .stage {
        position: relative;
        display: grid;
        place-items: center;
        aspect-ratio: 4 / 3;
        max-height: 46vh;
        width: 100%;
        border-radius: 8px;
        overflow: hidden;
        background: color-mix(in srgb, var(--hue) 22%, var(--card));
      }
      img {
        width: 100%;
        height: 100%;
        min-height: 0;
        object-fit: contain;
      }
      .text {
        margin: 0;
        padding: 1.2rem;
        font-size: 1.15rem;
        line-height: 1.35;
        text-align: center;
        text-wrap: balance;
        overflow-wrap: anywhere;
      }
      .caption {
        position: absolute;
        inset: auto 0 0 0;
        padding: 0.4rem 0.8rem;
        background: rgb(0 0 0 / 70%);
        color: #fff;
        font-size: 14px;
        text-align: center;
      }
      .soft {
        margin-left: auto;
      }
    `]}toggle(){this.playing=!this.playing,clearInterval(this.timer),this.playing&&(this.timer=window.setInterval(()=>this.next(),(this.narrative.interval??.2)*1e3))}disconnectedCallback(){super.disconnectedCallback(),clearInterval(this.timer),this.playing=!1}render(){let e=N(this.narrative),t=Math.max(j(e,Math.min(this.frame,e.numFrames-1)),0),n=e.clips[t],r=Hn(e,this.frame,n);return y`
      <div class="stage" ${F({"--hue":nn(t)})}>
        ${r!==null&&this.images[r]?y`<img src=${this.images[r]} alt="The image, at its place" />
              <div class="caption">${n.description}</div>`:y`<p class="text">${n.description}</p>`}
      </div>
      <div class="row">
        <button title="Space" @click=${this.toggle}>${this.playing?`Pause`:`Play the story`}</button>
        <span class="soft">Clip ${t+1} of ${e.clips.length}</span>
      </div>
    `}next(){let e=this.narrative.num_frames;this.dispatchEvent(new CustomEvent(`frame`,{detail:(this.frame+1)%e/e}))}};L([E({attribute:!1})],J.prototype,`narrative`,void 0),L([E({attribute:!1})],J.prototype,`images`,void 0),L([E({type:Number})],J.prototype,`frame`,void 0),L([D()],J.prototype,`playing`,void 0),J=L([T(`story-reel`)],J);function Hn(e,t,n){let r=e.anchors.filter(e=>e.frame>=n.start&&e.frame<n.end).toSorted((e,n)=>Math.abs(e.frame-t)-Math.abs(n.frame-t))[0];return r&&Math.abs(r.frame-t)*e.interval<=.5?r.image:null}var Un=o`
  header {
    display: flex;
    align-items: center;
    gap: 0.6rem;
    max-width: 1400px;
    margin: 0 auto;
    padding: 0.7rem 1rem 0;
  }
  h1 {
    font-size: 1.2rem;
    margin: 0;
  }
  .motto {
    margin-left: 0.4rem;
  }
  .model {
    margin-left: auto;
    font-size: 14px;
    white-space: nowrap;
  }
  .band {
    max-width: 1368px;
    margin: 0.6rem auto 0;
    padding: 0 1rem;
  }
  main {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 392px;
    gap: 1rem;
    max-width: 1400px;
    margin: 0 auto;
    padding: 0.8rem 1rem 2rem;
    align-items: start;
  }
  .column {
    display: grid;
    gap: 1rem;
    min-width: 0;
  }
  .result {
    position: sticky;
    top: 0.8rem;
  }
  section {
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: 12px;
    padding: 0.9rem;
    min-width: 0;
  }
  .heading {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
  }
  .empty {
    display: grid;
    place-items: center;
    aspect-ratio: 16 / 9;
    border-radius: 8px;
    background: var(--track);
  }
  .ways {
    margin: 0;
    padding-left: 1.3rem;
    display: grid;
    gap: 0.4rem;
    max-width: 46rem;
  }
  .notice {
    position: fixed;
    left: 50%;
    bottom: 1rem;
    transform: translateX(-50%);
    display: flex;
    align-items: center;
    gap: 0.8rem;
    max-width: min(92vw, 40rem);
    padding: 0.5rem 0.6rem 0.5rem 1rem;
    border-radius: 10px;
    background: var(--ink);
    color: var(--page);
    box-shadow: 0 4px 18px rgb(0 0 0 / 30%);
    z-index: 10;
  }
  .notice button {
    background: none;
    color: inherit;
    border-color: currentcolor;
    white-space: nowrap;
  }
  @media (max-width: 940px) {
    main {
      grid-template-columns: minmax(0, 1fr);
      padding: 0.7rem;
    }
    .column {
      display: contents;
    }
    .story {
      order: 1;
    }
    .timeline {
      order: 2;
    }
    .make {
      order: 3;
    }
    .player {
      order: 4;
    }
    .takes {
      order: 5;
    }
    .motto {
      display: none;
    }
  }
`,{I:Wn}=Le,Gn=e=>e,Kn=()=>document.createComment(``),Y=(e,t,n)=>{let r=e._$AA.parentNode,i=t===void 0?e._$AB:t._$AA;if(n===void 0)n=new Wn(r.insertBefore(Kn(),i),r.insertBefore(Kn(),i),e,e.options);else{let t=n._$AB.nextSibling,a=n._$AM,o=a!==e;if(o){let t;n._$AQ?.(e),n._$AM=e,n._$AP!==void 0&&(t=e._$AU)!==a._$AU&&n._$AP(t)}if(t!==i||o){let e=n._$AA;for(;e!==t;){let t=Gn(e).nextSibling;Gn(r).insertBefore(e,i),e=t}}}return n},X=(e,t,n=e)=>(e._$AI(t,n),e),qn={},Jn=(e,t=qn)=>e._$AH=t,Yn=e=>e._$AH,Xn=e=>{e._$AR(),e._$AA.remove()},Zn=(e,t,n)=>{let r=new Map;for(let i=t;i<=n;i++)r.set(e[i],i);return r},Qn=Nt(class extends Pt{constructor(e){if(super(e),e.type!==Mt.CHILD)throw Error(`repeat() can only be used in text expressions`)}dt(e,t,n){let r;n===void 0?n=t:t!==void 0&&(r=t);let i=[],a=[],o=0;for(let t of e)i[o]=r?r(t,o):o,a[o]=n(t,o),o++;return{values:a,keys:i}}render(e,t,n){return this.dt(e,t,n).values}update(e,[t,n,r]){let i=Yn(e),{values:a,keys:o}=this.dt(t,n,r);if(!Array.isArray(i))return this.ut=o,a;let s=this.ut??=[],c=[],l,u,d=0,f=i.length-1,p=0,m=a.length-1;for(;d<=f&&p<=m;)if(i[d]===null)d++;else if(i[f]===null)f--;else if(s[d]===o[p])c[p]=X(i[d],a[p]),d++,p++;else if(s[f]===o[m])c[m]=X(i[f],a[m]),f--,m--;else if(s[d]===o[m])c[m]=X(i[d],a[m]),Y(e,c[m+1],i[d]),d++,m--;else if(s[f]===o[p])c[p]=X(i[f],a[p]),Y(e,i[d],i[f]),f--,p++;else if(l===void 0&&(l=Zn(o,p,m),u=Zn(s,d,f)),l.has(s[d])){if(l.has(s[f])){let t=u.get(o[p]),n=t===void 0?null:i[t];if(n===null){let t=Y(e,i[d]);X(t,a[p]),c[p]=t}else c[p]=X(n,a[p]),Y(e,i[d],n),i[t]=null;p++}else Xn(i[f]),f--}else Xn(i[d]),d++;for(;p<=m;){let t=Y(e,c[m+1]);X(t,a[p]),c[p++]=t}for(;d<=f;){let e=i[d++];e!==null&&Xn(e)}return this.ut=o,Jn(e,c),b}}),Z=class extends w{constructor(...e){super(...e),this.videos=[],this.pictures=new Map,this.shown=[],this.more=!1}static{this.styles=[W,o`
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 310px), 1fr));
        gap: 0.6rem;
      }
      li {
        display: grid;
        grid-template-columns: 72px 1fr auto;
        gap: 0.7rem;
        align-content: start;
        padding: 0.5rem;
        border: 1px solid var(--line);
        border-radius: 8px;
      }
      li.shown {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
      }
      .picture {
        display: block;
        width: 72px;
        height: 72px;
        min-height: 0;
        padding: 0;
        border: 0;
        object-fit: contain;
        background: var(--track);
        border-radius: 6px;
        overflow: hidden;
      }
      .picture img {
        width: 100%;
        height: 100%;
        object-fit: contain;
        display: block;
      }
      .waits img {
        opacity: 0.55;
      }
      .prompt {
        margin: 0;
        overflow-wrap: anywhere;
        line-height: 1.3;
      }
      .state {
        margin: 0.1rem 0 0;
        font-size: 14px;
        font-variant-numeric: tabular-nums;
      }
      progress {
        width: 100%;
        height: 6px;
        margin-top: 0.3rem;
        accent-color: var(--accent);
      }
      .row {
        grid-column: 1 / -1;
        gap: 0.3rem;
        margin: 0;
      }
      li button.small {
        font-size: 13px;
        padding: 0 0.4rem;
        min-height: 30px;
      }
      .error {
        font-size: 14px;
      }
      .older {
        margin-top: 0.6rem;
      }
    `]}render(){return this.videos.length?y`
      <ul>
        ${Qn(this.videos,e=>e.id,e=>this.row(e))}
      </ul>
      ${this.more?y`<button class="older" @click=${()=>this.dispatchEvent(new CustomEvent(`older`))}>Show older ones</button>`:x}
    `:y`<p class="soft">Nothing yet. Every video that you make is kept here.</p>`}row(e){let t=e.status===`completed`,n=e.status===`queued`,r=this.shown.length===0||this.shown.length===1&&this.shown[0]===e.id;return y`
      <li class=${this.shown.includes(e.id)?`shown`:``} data-id=${e.id} data-status=${e.status}>
        ${this.picture(e,t)}
        <div>
          <p class="prompt">${e.prompt||`No text`}</p>
          <p class="state soft">${Pn(e)}</p>
          ${e.status===`in_progress`?y`<progress max="100" value=${e.progress} aria-label="Progress"></progress>`:x}
          ${e.error&&e.error.code!==`cancelled`?y`<p class="error">${e.error.message}</p>`:x}
        </div>
        <div>${$e(e)?this.button(`remove`,`Delete`,e):this.button(`cancel`,`Stop`,e)}</div>
        <div class="row">
          ${t?this.button(`play`,`Play`,e):x}
          ${t?this.button(`compare`,`Compare`,e,`Beside the one that is shown`,r):x}
          ${n?this.button(`sooner`,`Sooner`,e,``,!e.reasondiff?.queue_position):x}
          ${n?this.button(`later`,`Later`,e):x}
          ${n?this.button(`change`,`Change`,e,`Work on it before it is made`):this.button(`restore`,`Use story`,e,`Its images, text, story and settings`)}
          ${this.button(`duplicate`,`Once more`,e,`The same with the next seed`)}
        </div>
      </li>
    `}picture(e,t){let n=this.pictures.get(e.id),r=n?y`<img src=${n} alt="" />`:x;return t?y`<button class="picture" aria-label="Show ${e.prompt||`the video`}" @click=${()=>this.send(`play`,e)}>
          ${r}
        </button>`:y`<div class="picture waits" aria-hidden="true">${r}</div>`}button(e,t,n,r=``,i=!1){return y`<button class="small" title=${r} ?disabled=${i} @click=${()=>this.send(e,n)}>
      ${t}
    </button>`}send(e,t){let n={action:e,video:t};this.dispatchEvent(new CustomEvent(`take`,{detail:n}))}};L([E({attribute:!1})],Z.prototype,`videos`,void 0),L([E({attribute:!1})],Z.prototype,`pictures`,void 0),L([E({attribute:!1})],Z.prototype,`shown`,void 0),L([E({type:Boolean})],Z.prototype,`more`,void 0),Z=L([T(`take-list`)],Z);var Q=class extends w{constructor(...e){super(...e),this.shown=[],this.wipe=50,this.playing=!1,this.aspect=`16 / 9`,this.share=0,this.watching=0}static{this.styles=[W,o`
      .stage {
        position: relative;
        display: grid;
        background: var(--track);
        border-radius: 8px;
        overflow: hidden;
        max-height: 62vh;
        aspect-ratio: var(--aspect, 16 / 9);
        margin: 0 auto;
        width: min(100%, 720px);
        touch-action: pan-y;
      }
      .stage.two {
        cursor: ew-resize;
      }
      video {
        grid-area: 1 / 1;
        width: 100%;
        height: 100%;
        object-fit: cover;
        min-height: 0;
        min-width: 0;
      }
      .second {
        clip-path: inset(0 0 0 var(--wipe));
        background: var(--track);
      }
      .line {
        position: absolute;
        top: 0;
        bottom: 0;
        left: var(--wipe);
        border-left: 2px solid #fff;
        filter: drop-shadow(0 0 2px #000);
        pointer-events: none;
      }
      .side {
        position: absolute;
        top: 6px;
        padding: 1px 8px;
        border-radius: 10px;
        background: rgb(0 0 0 / 65%);
        color: #fff;
        font-size: 13px;
        pointer-events: none;
      }
      .side.right {
        right: 6px;
      }
      .side.left {
        left: 6px;
      }
      input[type="range"] {
        width: 100%;
        min-height: 26px;
        padding: 0;
        margin: 0.2rem 0 0;
        border: 0;
        background: none;
        accent-color: var(--accent);
      }
      .row {
        justify-content: space-between;
        gap: 0.4rem;
      }
      .about {
        overflow-wrap: anywhere;
        margin: 0.5rem 0 0;
      }
      .save {
        display: flex;
        gap: 0.3rem;
        align-items: center;
      }
      .wipe {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.6rem;
        align-items: center;
      }
    `]}seek(e){this.share=e;for(let t of[this.first,this.second])t&&Number.isFinite(t.duration)&&(t.currentTime=Math.min(e,.9999)*t.duration)}toggle(){this.playing?(this.first?.pause(),this.second?.pause(),this.seek(this.share)):this.first?.play().catch(()=>void 0)}disconnectedCallback(){super.disconnectedCallback(),cancelAnimationFrame(this.watching)}render(){let[e,t]=this.shown;return e?y`
      <div
        class="stage ${t?`two`:``}"
        ${F({"--wipe":`${this.wipe}%`,"--aspect":this.aspect})}
        @pointerdown=${this.grab}
        @pointermove=${this.pull}
      >
        <video
          class="first"
          src=${e.url}
          preload="auto"
          muted
          loop
          playsinline
          aria-label=${e.label}
          @loadedmetadata=${this.loaded}
          @play=${this.began}
          @pause=${()=>this.playing=!1}
        ></video>
        ${t?y`<video class="second" src=${t.url} muted loop playsinline aria-label=${t.label}></video>
              <div class="line"></div>
              <span class="side left" aria-hidden="true">A</span><span class="side right" aria-hidden="true">B</span>`:x}
      </div>
      ${t?this.wipeSlider():x}
      <input
        type="range"
        min="0"
        max="1"
        step="0.001"
        aria-label="Moment"
        .value=${String(this.share)}
        @input=${e=>this.scrub(Number(e.target.value))}
      />
      <div class="row">
        <button title="Space" @click=${this.toggle}>${this.playing?`Pause`:`Play`}</button>
        <span class="save" role="group" aria-label="Save the video">
          <span class="soft">Save</span>
          ${$n.map(([e,t,n])=>y`<button
              class="small"
              title=${n}
              aria-label="Save ${t}"
              @click=${()=>this.send(`export`,e)}
            >
              ${t}
            </button>`)}
        </span>
      </div>
      <p class="about soft">${t?y`A: ${e.label}<br />B: ${t.label}`:e.label}</p>
    `:x}wipeSlider(){return y`<label class="wipe">
      Wipe
      <input
        type="range"
        min="0"
        max="100"
        .value=${String(this.wipe)}
        @input=${e=>this.wipe=Number(e.target.value)}
      />
    </label>`}grab(e){this.shown.length===2&&e.button===0&&(this.stage.setPointerCapture(e.pointerId),this.pull(e))}pull(e){if(this.stage.hasPointerCapture(e.pointerId)){let{left:t,width:n}=this.stage.getBoundingClientRect();this.wipe=Math.min(Math.max((e.clientX-t)/n*100,0),100)}}scrub(e){this.seek(e),this.send(`frame`,e)}loaded(e){let t=e.target;this.aspect=`${t.videoWidth} / ${t.videoHeight}`,matchMedia(`(prefers-reduced-motion: reduce)`).matches?this.seek(1e-4):t.play().catch(()=>void 0)}began(){this.playing=!0,this.second?.play().catch(()=>void 0),this.follow()}follow(){cancelAnimationFrame(this.watching);let{first:e,second:t}=this;e&&!e.paused&&(t&&Math.abs(t.currentTime-e.currentTime)>.05&&(t.currentTime=e.currentTime),e.duration&&(this.share=e.currentTime/e.duration,this.send(`frame`,this.share)),this.watching=requestAnimationFrame(()=>this.follow()))}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};L([E({attribute:!1})],Q.prototype,`shown`,void 0),L([D()],Q.prototype,`wipe`,void 0),L([D()],Q.prototype,`playing`,void 0),L([D()],Q.prototype,`aspect`,void 0),L([D()],Q.prototype,`share`,void 0),L([O(`video.first`)],Q.prototype,`first`,void 0),L([O(`video.second`)],Q.prototype,`second`,void 0),L([O(`.stage`)],Q.prototype,`stage`,void 0),Q=L([T(`take-player`)],Q);var $n=[[`video`,`MP4`,`The video; dropped here again, it brings everything back`],[`gif`,`GIF`,`For a message or a page`],[`contact_sheet`,`Sheet`,`A picture of its frames over its story`],[`narrative`,`Story`,`The story as a JSON file`]],er=`reasondiff.key`,tr=2**32-1,$=class extends w{constructor(...e){super(...e),this.count=1,this.retelling=-1,this.makeProblem=``,this.busy=!1,this.frame=0,this.changing=null,this.client=new Ze(`v1`,()=>sessionStorage.getItem(er)),this.library=new kn(this,this.client,e=>this.screening.finished(e)),this.desk=new xn(this,this.client,(e,t)=>this.putOnTimeline(e,t),()=>this.library.model?.reasondiff?.num_inference_steps),this.narrating=new In(this,e=>this.desk.problem=e),this.screening=new Bn(this,this.client,()=>this.player?.scrollIntoView({block:`nearest`})),this.onKey=e=>{let t=e.composedPath()[0];if(e.defaultPrevented||t.matches?.(`input:not([type=range]), textarea, select`))return;let n=e.key.toLowerCase();n===` `&&!t.matches?.(`button, a, input`)?(e.preventDefault(),(this.player??this.reel)?.toggle()):(e.ctrlKey||e.metaKey)&&(n===`z`||n===`y`)&&(e.preventDefault(),n===`y`||e.shiftKey?this.timeline?.redo():this.timeline?.undo())},this.onDrop=e=>{e.preventDefault(),this.form.take([...e.dataTransfer?.files??[]])}}static{this.styles=[W,Un]}connectedCallback(){super.connectedCallback(),addEventListener(`keydown`,this.onKey),addEventListener(`dragover`,nr),addEventListener(`drop`,this.onDrop)}disconnectedCallback(){super.disconnectedCallback(),removeEventListener(`keydown`,this.onKey),removeEventListener(`dragover`,nr),removeEventListener(`drop`,this.onDrop)}get stride(){return this.library.model?.reasondiff?.stride??4}unlock(e){sessionStorage.setItem(er,e),this.library.refresh()}putOnTimeline(e,t){this.updateComplete.then(()=>{t?this.timeline.value=e:this.timeline.replace(e)})}setPlace({image:e,place:t}){let n=this.desk.setPlace(e,t);n!==null&&this.timeline?.place(e,n)}async useExample(e){let t=await(await fetch(e.image)).blob();this.desk.change({prompt:e.prompt,pictures:[]}),await this.desk.addImages([t]),await this.tell()}async tell(){await this.narrating.run(async e=>{let{narrative:t,candidates:n}=await this.client.tell(this.desk.images(),this.desk.draft.prompt,e);this.desk.set({...this.desk.draft,narrative:t,ideas:[t,...n]})})}async retell(e){let{narrative:t,prompt:n}=this.desk.draft;t!==null&&(this.retelling=e,await this.narrating.run(async r=>{let i=await this.client.retell(this.desk.toldImages(),n,t,e,r);this.timeline.replace(i.narrative,`Clip ${e+1} was told again.`)}),this.retelling=-1)}took(e){this.desk.tell(`Idea ${e.detail.number} is on the timeline.`,()=>this.timeline.undo())}async make(){this.makeProblem=``,this.busy=!0;try{let{prompt:e,narrative:t,seed:n,seedLocked:r,steps:i}=this.desk.draft,a=this.desk.toldImages();for(let r=0;r<this.count;r++){let o={images:a,prompt:e,narrative:t,steps:i,seed:(n+r)%(tr+1)},s=await this.client.create(o,crypto.randomUUID());this.changing!==null&&await this.takePlaceOf(s)}this.screening.leave(),r||this.desk.change({seed:(n+this.count)%(tr+1)}),await this.library.refresh()}catch(e){this.makeProblem=Mn(e)}finally{this.busy=!1}}async takePlaceOf(e){let t=this.library.videos.find(e=>e.id===this.changing);this.changing=null,t&&(await this.client.move(e.id,t.reasondiff?.queue_position??0).catch(()=>void 0),await this.client.remove(t.id))}async take({detail:{action:e,video:t}}){let n=t.reasondiff?.queue_position??0;await this.ask({play:()=>this.screening.play(t),compare:()=>this.screening.play(t,!0),restore:()=>this.desk.use(t),change:async()=>{await this.desk.use(t),this.changing=t.id},duplicate:()=>this.client.again(t,((t.reasondiff?.seed??0)+1)%(tr+1)),cancel:()=>this.client.cancel(t.id),remove:async()=>this.forget(t),sooner:()=>this.client.move(t.id,Math.max(n-1,0)),later:()=>this.client.move(t.id,n+1)}[e])}async ask(e){this.makeProblem=``;try{await e(),await this.library.refresh()}catch(e){this.makeProblem=Mn(e)}}forget(e){this.library.hide(e.id,!0),this.screening.leave(e.id);let t=setTimeout(()=>{this.client.remove(e.id).then(()=>this.library.refresh(),t=>{this.library.hide(e.id,!1),this.makeProblem=Mn(t)})},yn);this.desk.tell(`The video is deleted.`,()=>{clearTimeout(t),this.library.hide(e.id,!1)})}render(){let{model:e,offline:t,locked:n}=this.library;return y`
      <header>
        <img src="./icon.svg" alt="" width="28" height="28" />
        <h1>ReasonDiff</h1>
        <span class="soft motto">An image, a text, and the story that joins them</span>
        <span class="soft model">${e?e.id:``}</span>
      </header>
      ${t?y`<p class="band error" role="alert">The server does not answer. What you have here is kept.</p>`:x}
      ${n?y`<key-form class="band" @key=${e=>this.unlock(e.detail)}></key-form>`:x}
      <main>
        <div class="column work">
          <section aria-labelledby="story" class="story">
            <h2 id="story">Story</h2>
            <story-form
              .pictures=${this.desk.draft.pictures}
              .prompt=${this.desk.draft.prompt}
              .telling=${this.narrating.seconds}
              .told=${this.desk.draft.narrative!==null}
              .problem=${this.desk.problem}
              .examples=${Tn(e?.id)}
              @images=${e=>this.desk.addImages(e.detail)}
              @restore=${e=>this.desk.restore(e.detail)}
              @remove=${e=>this.desk.removeImage(e.detail)}
              @place=${e=>this.setPlace(e.detail)}
              @prompt=${e=>this.desk.change({prompt:e.detail})}
              @tell=${()=>this.tell()}
              @hush=${()=>this.narrating.stop()}
              @example=${e=>this.useExample(e.detail)}
            ></story-form>
          </section>
          ${this.desk.draft.narrative?this.timelineCard(this.desk.draft.narrative):this.timelineToBe()}
          <section aria-labelledby="takes" class="takes">
            <h2 id="takes">Queue and takes</h2>
            <take-list
              .videos=${this.library.listed}
              .pictures=${this.library.pictures}
              .shown=${this.screening.shown.map(e=>e.id)}
              .more=${this.library.more}
              @take=${e=>this.take(e)}
              @older=${()=>this.library.showOlder()}
            ></take-list>
          </section>
        </div>
        <div class="column result">
          <section aria-labelledby="player" class="player">
            <h2 id="player">Player</h2>
            ${this.stage()}
          </section>
          <section aria-labelledby="make" class="make">
            <h2 id="make">Video</h2>
            ${this.makeForm()}
          </section>
        </div>
      </main>
      ${this.desk.notice?this.noticeBar(this.desk.notice):x}
    `}timelineToBe(){return y`
      <section aria-labelledby="timeline" class="timeline">
        <h2 id="timeline">Timeline</h2>
        <ol class="ways soft">
          <li>Give an image and say what happens. The image may show another moment: before, in the middle, after.</li>
          <li>The narrator works out the story and where in it your image belongs. It lies here then, clip by clip, and
            every clip, edge and place can be changed.</li>
          <li>Make the video, watch it come, and compare takes.</li>
        </ol>
      </section>
    `}timelineCard(e){let{ideas:t,pictures:n}=this.desk.draft,r=t.map((e,t)=>({position:_n(e)[0],reasoning:e.reasoning??``,narrative:e,number:t+1})),i=JSON.stringify(e.clips);return y`
      <section aria-labelledby="timeline" class="timeline">
        <div class="heading">
          <h2 id="timeline">Timeline</h2>
          <button class="small" @click=${this.saveStory}>Save story</button>
        </div>
        <reasondiff-timeline
          .images=${n.map(e=>e.url)}
          .candidates=${r.filter(e=>JSON.stringify(e.narrative.clips)!==i)}
          .guesses=${t[0]?_n(t[0]):[]}
          .stride=${this.stride}
          .canRetell=${n.length>0}
          .retelling=${this.retelling}
          @change=${e=>this.desk.edited(e.detail)}
          @playhead=${this.seeks}
          @retell=${e=>this.retell(e.detail)}
          @candidate=${this.took}
        ></reasondiff-timeline>
      </section>
    `}stage(){if(this.screening.shown.length)return y`<take-player
        .shown=${this.screening.shown}
        @frame=${this.follows}
        @export=${e=>this.ask(()=>this.screening.export(e.detail))}
      ></take-player>
      ${this.redoForm()}`;let e=this.library.open.find(e=>this.library.previews.has(e.id));return e?y`
        <latent-preview
          .url=${this.library.previews.get(e.id)}
          .count=${St(e.reasondiff?.num_frames??1,this.stride).length}
          label="The video as it is after this step, one picture per latent frame"
        ></latent-preview>
        <div class="row">
          <button @click=${()=>this.ask(()=>this.client.cancel(e.id))}>Stop it here</button>
          <span class="soft" role="status">${Pn(e)}</span>
        </div>
      `:this.desk.draft.narrative?y`<story-reel
        .narrative=${this.desk.draft.narrative}
        .images=${this.desk.draft.pictures.map(e=>e.url)}
        .frame=${this.frame}
        @frame=${this.follows}
      ></story-reel>`:y`<div class="empty soft">First the story, then the video.</div>`}redoForm(){let{shown:e}=this.screening,t=this.library.videos.find(t=>t.id===e[0].id);if(e.length>1||!t?.reasondiff?.narrative)return x;let{narrative:n}=t.reasondiff;return y`<clip-redo
      .narrative=${n}
      @redo=${e=>this.ask(()=>this.client.redo(t,e.detail.clip,e.detail.text))}
    ></clip-redo>`}makeForm(){let{seed:e,seedLocked:t,steps:n,narrative:r}=this.desk.draft,i={seed:e,seedLocked:t,steps:n,count:this.changing?1:this.count},a=this.library.open.filter(e=>e.id!==this.changing).length;return y`<make-form
      .making=${i}
      .model=${this.library.model}
      .frames=${r?.num_frames??null}
      .waiting=${a}
      .obstacle=${Ln(this.desk.draft)}
      .warnings=${r?Rn(r,this.stride):[]}
      .problem=${this.makeProblem}
      .changes=${this.changing!==null}
      .busy=${this.busy}
      @making=${e=>this.setMaking(e.detail)}
      @make=${()=>this.make()}
      @leave=${()=>this.changing=null}
    ></make-form>`}setMaking({count:e,...t}){this.count=e??this.count,Object.keys(t).length&&this.desk.change(t)}noticeBar(e){return y`<div class="notice" role="status">
      <span>${e.text}</span> <button class="small" @click=${()=>this.desk.takeBack()}>Take it back</button>
    </div>`}follows(e){if(this.timeline&&this.desk.draft.narrative){let t=Math.floor(e.detail*this.desk.draft.narrative.num_frames+1e-6);this.frame=t,this.timeline.playhead=t}}seeks(e){this.desk.draft.narrative&&(this.frame=e.detail,this.player?.seek((e.detail+.5)/this.desk.draft.narrative.num_frames))}saveStory(){let e=JSON.stringify(this.desk.draft.narrative,null,2)+`
`;Ye(new Blob([e],{type:`application/json`}),`story.json`)}};L([D()],$.prototype,`count`,void 0),L([D()],$.prototype,`retelling`,void 0),L([D()],$.prototype,`makeProblem`,void 0),L([D()],$.prototype,`busy`,void 0),L([D()],$.prototype,`frame`,void 0),L([D()],$.prototype,`changing`,void 0),L([O(`reasondiff-timeline`)],$.prototype,`timeline`,void 0),L([O(`take-player`)],$.prototype,`player`,void 0),L([O(`story-reel`)],$.prototype,`reel`,void 0),L([O(`story-form`)],$.prototype,`form`,void 0),$=L([T(`reasondiff-studio`)],$);function nr(e){e.preventDefault()}